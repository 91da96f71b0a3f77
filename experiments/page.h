/* experiments/page.h: one HTML page that needs nothing else: style, script and escaping. */
#ifndef PAGE_H
#define PAGE_H

#include <stdio.h>

#include "experiments/command.h"

typedef struct page {
    FILE *f;
    size_t n_figures;       /* drawn so far: their ids */
    bool out_of_memory;     /* some text could not be written */
} page;

/* Head, style and the heading; and what closes it. */
void page_begin(page *p, const char *title);
void page_end(page *p);
/* Text of any bytes: &, <, >, quotes escaped; what is no UTF-8, and control characters but tab and newline, become U+FFFD. */
void page_text(page *p, const char *text);
void page_bytes(page *p, const char *bytes, size_t n);      /* NULs inside too */
/* "<tag>text</tag>" */
void page_element(page *p, const char *tag, const char *text);
/* 0.123, 12.3, 1.2e+06; a dash where it is not finite. */
void page_number(page *p, double x);

#endif
