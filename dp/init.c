#include "dp/init.h"

#include <pthread.h>

#include <gsl/gsl_errno.h>

static void handler_off(void)
{
    gsl_set_error_handler_off();
}

void dp_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, handler_off);
}
