#include "clients/cli/methods.h"

#include <grpc/health/v1/health.pb-c.h>
#include <halftone/v1/admin.pb-c.h>
#include <halftone/v1/audit.pb-c.h>
#include <halftone/v1/consent.pb-c.h>
#include <halftone/v1/contact.pb-c.h>
#include <halftone/v1/halftone.pb-c.h>

#define HALFTONE "/halftone.v1.Halftone/"

const struct client_method METHOD_QUERY = {
    HALFTONE "Query", &halftone__v1__query_reply__descriptor
};
const struct client_method METHOD_BATCH = {
    HALFTONE "Batch", &halftone__v1__batch_reply__descriptor
};
const struct client_method METHOD_ESTIMATE = {
    HALFTONE "Estimate", &halftone__v1__estimate_reply__descriptor
};
const struct client_method METHOD_LIST_DATASETS = {
    HALFTONE "ListDatasets", &halftone__v1__list_datasets_reply__descriptor
};
const struct client_method METHOD_DESCRIBE_DATASET = {
    HALFTONE "DescribeDataset",
    &halftone__v1__describe_dataset_reply__descriptor
};
const struct client_method METHOD_GET_BUDGET = {
    HALFTONE "GetBudget", &halftone__v1__budget__descriptor
};
const struct client_method METHOD_WATCH_BUDGET = {
    HALFTONE "WatchBudget", &halftone__v1__budget__descriptor
};
const struct client_method METHOD_LIST_CHARGES = {
    HALFTONE "ListCharges", &halftone__v1__list_charges_reply__descriptor
};
const struct client_method METHOD_GET_MISSES = {
    "/halftone.v1.Admin/GetMisses", &halftone__v1__misses__descriptor
};
const struct client_method METHOD_LIFT_MISSES = {
    "/halftone.v1.Admin/LiftMisses", &halftone__v1__misses__descriptor
};
const struct client_method METHOD_CONFIRM = {
    "/halftone.v1.Admin/ConfirmRegister",
    &halftone__v1__register_state__descriptor
};
const struct client_method METHOD_COUNTS = {
    HALFTONE "GetConsentCounts", &halftone__v1__query_reply__descriptor
};
#define CONSENT "/halftone.v1.Consent/"
const struct client_method METHOD_GRANT = {
    CONSENT "Grant", &halftone__v1__recorded__descriptor
};
const struct client_method METHOD_WITHDRAW = {
    CONSENT "Withdraw", &halftone__v1__recorded__descriptor
};
const struct client_method METHOD_OBJECT = {
    CONSENT "Object", &halftone__v1__recorded__descriptor
};
const struct client_method METHOD_EXPIRE = {
    CONSENT "Expire", &halftone__v1__recorded__descriptor
};
const struct client_method METHOD_MARK = {
    CONSENT "Mark", &halftone__v1__recorded__descriptor
};
const struct client_method METHOD_IMPORT = {
    CONSENT "Import", &halftone__v1__import_reply__descriptor
};
const struct client_method METHOD_HISTORY = {
    CONSENT "GetHistory", &halftone__v1__history__descriptor
};
const struct client_method METHOD_RECEIPT = {
    CONSENT "GetReceipt", &halftone__v1__consent_receipt__descriptor
};
const struct client_method METHOD_CHECK = {
    CONSENT "CheckReceipt", &halftone__v1__receipt_state__descriptor
};
const struct client_method METHOD_SIGNAL = {
    CONSENT "Signal", &halftone__v1__signal_reply__descriptor
};
const struct client_method METHOD_CHOOSE = {
    "/halftone.v1.Contact/Choose", &halftone__v1__recorded__descriptor
};
const struct client_method METHOD_MAY_CONTACT = {
    "/halftone.v1.Contact/MayContact",
    &halftone__v1__may_contact_reply__descriptor
};
const struct client_method METHOD_ERASE = {
    CONSENT "Erase", &halftone__v1__erasure__descriptor
};
const struct client_method METHOD_ERASURE = {
    CONSENT "GetErasure", &halftone__v1__erasure__descriptor
};
const struct client_method METHOD_LIST_ERASURES = {
    "/halftone.v1.Admin/ListErasures", &halftone__v1__erasure_list__descriptor
};
const struct client_method METHOD_SIGN_ERASURES = {
    "/halftone.v1.Admin/SignErasures",
    &halftone__v1__signed_erasures__descriptor
};
const struct client_method METHOD_CONFIRM_ERASURES = {
    "/halftone.v1.Admin/ConfirmErasures",
    &halftone__v1__erasure_counts__descriptor
};
const struct client_method METHOD_RUN_ERASURES = {
    "/halftone.v1.Admin/RunErasures", &halftone__v1__erasure_counts__descriptor
};
const struct client_method METHOD_HEALTH = {
    "/grpc.health.v1.Health/Check",
    &grpc__health__v1__health_check_response__descriptor
};
const struct client_method METHOD_LIST_ENTRIES = {
    "/halftone.v1.Audit/ListEntries",
    &halftone__v1__list_entries_reply__descriptor
};
const struct client_method METHOD_PROVE = { "/halftone.v1.Audit/Prove",
                                            &halftone__v1__proof__descriptor };
