#ifndef DP_STATUS_H
#define DP_STATUS_H

/* Every fallible dp/ function returns one of these; dp/ never logs or exits. */
enum dp_status {
    DP_OK = 0,
    DP_EDOM,   /* a parameter is outside its documented domain */
    DP_ERANGE, /* the result does not fit its type */
    DP_ENOCONV /* an iteration did not converge; the result was not written */
};

#define DP_MUST_CHECK __attribute__((warn_unused_result))

#endif
