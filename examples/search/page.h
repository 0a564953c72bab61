/*
 * The page at "/": a search box, and a live picture of the pool. It needs nothing but itself.
 */
#ifndef SEARCH_PAGE_H
#define SEARCH_PAGE_H

extern const char page_html[];
extern const char page_policy[]; /* its Content-Security-Policy: it loads nothing from elsewhere */

#endif
