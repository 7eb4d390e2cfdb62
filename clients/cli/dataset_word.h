#ifndef CLI_DATASET_WORD_H
#define CLI_DATASET_WORD_H

#include "clients/cli/cli.h"

/*
 * The dataset a command is about: its word, else --dataset, else "", which the
 * server takes for the only one the caller sees.  For a protobuf-c field, which
 * is not const but never written.
 */
static inline char *dataset_word(const struct cli *cli)
{
    const char *name = cli->n_words > 0 ? cli->words[0] : cli->opt.dataset;
    return (char *)(uintptr_t)(name ? name : "");
}

#endif
