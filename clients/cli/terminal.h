#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/*
 * What the terminal can show.  Colours and the spinner appear only where a
 * person looks: the stream is a terminal, TERM is not "dumb", and neither
 * NO_COLOR nor --no-color asks for silence.
 */
enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_RED, STYLE_GREEN };

struct terminal {
    FILE *out, *err; /* borrowed */
    bool out_color, err_color;
    bool out_live;      /* out may be redrawn in place */
    size_t out_columns; /* of the screen; 80 where out is none */
    bool spins;         /* a spinner may be drawn on err */
    unsigned frame;     /* of the spinner; 0 = nothing drawn */
};

/* Looks at the two streams and the environment. */
struct terminal terminal_of(FILE *out, FILE *err, bool no_color);

/* Escape sequence that begins a style, "" without colour; STYLE_PLAIN ends. */
const char *terminal_style(bool color, enum style style);

/* Draw the next frame of the spinner, or erase it; nothing without one. */
void terminal_spin(struct terminal *t, const char *what);
void terminal_rest(struct terminal *t);

#endif
