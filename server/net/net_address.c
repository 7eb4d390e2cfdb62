#include "server/net/net_address.h"

#include <assert.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <string.h>

enum { V6_NETWORK = 8 /* bytes of a /64 */ };
#define NS_PER_S UINT64_C(1000000000)

bool net_addresses_init(struct net_addresses *a, unsigned at_once,
                        unsigned per_s)
{
    assert(at_once > 0 && per_s > 0);
    memset(a, 0, sizeof *a);
    a->at_once = at_once;
    a->per_s = per_s;
    return RAND_bytes((unsigned char *)&a->key, sizeof a->key) == 1;
}

unsigned net_addresses_bucket(const struct net_addresses *a,
                              const struct sockaddr *from)
{
    uint64_t hash;
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, from, sizeof v6);
        hash = siphash(&a->key, &v6.sin6_addr, V6_NETWORK);
    } else {
        struct sockaddr_in v4;
        memcpy(&v4, from, sizeof v4);
        hash = siphash(&a->key, &v4.sin_addr, sizeof v4.sin_addr);
    }
    return (unsigned)(hash % NET_ADDRESSES);
}

bool net_addresses_admit(struct net_addresses *a, unsigned bucket,
                         uint64_t now_ns)
{
    assert(bucket < NET_ADDRESSES);
    uint64_t *ahead_ns = &a->ahead_ns[bucket];
    const uint64_t from_ns = *ahead_ns > now_ns ? *ahead_ns : now_ns;
    const uint64_t to_ns = from_ns + NS_PER_S / a->per_s;
    if (to_ns - now_ns > NET_BURST_S * NS_PER_S)
        return false;
    if (atomic_fetch_add(&a->under_way[bucket], 1) >= a->at_once) {
        net_addresses_done(a, bucket);
        return false;
    }
    *ahead_ns = to_ns;
    return true;
}

void net_addresses_done(struct net_addresses *a, unsigned bucket)
{
    const unsigned before = atomic_fetch_sub(&a->under_way[bucket], 1);
    assert(before > 0);
    (void)before;
}
