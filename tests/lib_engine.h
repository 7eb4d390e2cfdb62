#ifndef TESTS_LIB_ENGINE_H
#define TESTS_LIB_ENGINE_H

#include "server/engine/engine.h"

/*
 * Small files for tests of the engine, made by DuckDB itself in a folder of
 * their own, and policies and plans written in C.
 */
struct lib_files {
    char dir[64];
};

/* Make the folder and run each statement in it; "@/" in SQL is the folder. */
void lib_files_make(struct lib_files *f, const char *const *sql, size_t n);
void lib_files_remove(const struct lib_files *f);

/* `text` with "@/" replaced by the folder; static, four in turn. */
const char *lib_files_path(const struct lib_files *f, const char *text);

/* A plan whose keys have these types ("" = none): b i d t D T as value types.
 */
struct plan lib_plan(const char *sql, const char *key_types, size_t n_measures);

#endif
