#ifndef BASE_VERSION_H
#define BASE_VERSION_H

/* Of the whole tree; NEWS says what changed. */
static inline const char *halftone_version(void)
{
    return "0.1.0";
}

#endif
