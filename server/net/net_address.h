#ifndef NET_NET_ADDRESS_H
#define NET_NET_ADDRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "server/base/siphash.h"

/*
 * How many TLS handshakes an address may have under way, and how many it may
 * begin in a second: each costs us a signature, and the caller nothing.
 *
 *   accepted -> net_addresses_admit -> handshake -> net_addresses_done
 *                      '--> refused: close
 *
 * An address is an IPv4 address or the /64 of an IPv6 one.  There is no table
 * of them to fill: addresses share NET_ADDRESSES buckets under a secret hash,
 * so that a stranger's neighbours in a bucket are not of his choosing.  The
 * rate is a generic cell rate algorithm (ITU-T I.371): a bucket runs ahead of
 * the clock by 1/rate a connection, and by NET_BURST_S at most.
 */
enum { NET_ADDRESSES = 4096, NET_BURST_S = 2 };

struct net_addresses {
    struct siphash_key key;
    unsigned at_once, per_s;
    atomic_uint under_way[NET_ADDRESSES];
    uint64_t ahead_ns[NET_ADDRESSES]; /* the acceptor's; monotonic */
};

/* at_once and per_s are above 0.  False: the system gave no randomness. */
bool net_addresses_init(struct net_addresses *a, unsigned at_once,
                        unsigned per_s);

unsigned net_addresses_bucket(const struct net_addresses *a,
                              const struct sockaddr *from);

/* The acceptor's: true counts a handshake, which net_addresses_done ends. */
bool net_addresses_admit(struct net_addresses *a, unsigned bucket,
                         uint64_t now_ns);

/* Any thread. */
void net_addresses_done(struct net_addresses *a, unsigned bucket);

#endif
