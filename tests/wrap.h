#ifndef TESTS_WRAP_H
#define TESTS_WRAP_H

/* A function that the linker wraps (--wrap=f in the Makefile): calls of f go to
 * __wrap_f, which the test defines, and f itself is __real_f.  Both are of the
 * type of f: when that changes, this fails to compile, where the linker would
 * not mind. */
#define WRAPPED(f) extern __typeof__(f) __real_##f, __wrap_##f

#endif
