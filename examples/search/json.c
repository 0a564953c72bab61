#include "json.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

void json_raw(struct json *json, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (evbuffer_add_vprintf(json->out, format, arguments) < 0)
        json->failed = true;
    va_end(arguments);
}

static void add(struct json *json, const char *bytes, size_t size)
{
    if (evbuffer_add(json->out, bytes, size) < 0)
        json->failed = true;
}

static bool is_tail(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/*
 * The length of the UTF-8 sequence that the text begins with; 0 if it is not one. Only the
 * shortest forms, no surrogates, nothing beyond U+10FFFF (RFC 3629). It never looks past the
 * terminating null, which is no tail.
 */
static size_t utf8_length(const unsigned char *text)
{
    unsigned char first = text[0], low = 0x80, high = 0xBF;
    size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (length == 1)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    if (first == 0xE0)
        low = 0xA0;
    else if (first == 0xED)
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if (!is_tail(text[i]))
            return 0;
    return length;
}

static void add_escaped(struct json *json, unsigned char byte)
{
    switch (byte) {
    case '"':
        add(json, "\\\"", 2);
        break;
    case '\\':
        add(json, "\\\\", 2);
        break;
    case '\n':
        add(json, "\\n", 2);
        break;
    default:
        json_raw(json, "\\u%04x", byte);
    }
}

static bool needs_escape(unsigned char byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7F;
}

void json_string(struct json *json, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    add(json, "\"", 1);
    while (*at) {
        const unsigned char *plain = at;
        size_t length = 1;
        while (*at && !needs_escape(*at) && (length = utf8_length(at)) > 0)
            at += length;
        add(json, (const char *)plain, (size_t)(at - plain));
        if (!*at)
            break;
        if (needs_escape(*at))
            add_escaped(json, *at);
        else
            add(json, REPLACEMENT, strlen(REPLACEMENT));
        at++;
    }
    add(json, "\"", 1);
}
