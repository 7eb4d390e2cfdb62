/* make_man halftone | halftoned: prints that program's manual page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/pages.h"
#include "server/main/arguments.h"

enum { PAGE_MAX = 256 * 1024 };

int main(int argc, char **argv)
{
    static char page[PAGE_MAX];
    struct writer w = writer_of(page, sizeof page);
    if (argc == 2 && strcmp(argv[1], "halftone") == 0)
        pages_man(&w);
    else if (argc == 2 && strcmp(argv[1], "halftoned") == 0)
        arguments_man(&w);
    if (w.len == 0 || !writer_cstr(&w)) {
        (void)fputs("usage: make_man halftone | halftoned\n", stderr);
        return EXIT_FAILURE;
    }
    return fputs(page, stdout) >= 0 && fflush(stdout) == 0 ? EXIT_SUCCESS
                                                           : EXIT_FAILURE;
}
