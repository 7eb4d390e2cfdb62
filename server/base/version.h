#ifndef BASE_VERSION_H
#define BASE_VERSION_H

/* Of the whole tree; NEWS says what changed. */
#define HALFTONE_VERSION "0.1.0"

#endif
