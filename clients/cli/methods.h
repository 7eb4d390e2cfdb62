#ifndef CLI_METHODS_H
#define CLI_METHODS_H

#include "clients/cli/client.h"

/* The methods this client calls. */
extern const struct client_method METHOD_QUERY, METHOD_ESTIMATE,
    METHOD_LIST_DATASETS, METHOD_DESCRIBE_DATASET, METHOD_GET_BUDGET,
    METHOD_WATCH_BUDGET, METHOD_LIST_CHARGES, METHOD_GET_MISSES,
    METHOD_LIFT_MISSES, METHOD_HEALTH;

#endif
