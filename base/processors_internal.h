/*
 * How many processors this process may use.
 */
#ifndef TWINE_BASE_PROCESSORS_INTERNAL_H
#define TWINE_BASE_PROCESSORS_INTERNAL_H

/* By its affinity mask and its control group's quota, rounded up; at least 1. Asked of the system
 * once. Any thread. */
unsigned tw__processors(void);

/* For the tests, set while there is no other thread: so many; 0: as the system says. */
extern unsigned tw__processors_hook;

#endif
