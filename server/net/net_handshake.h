#ifndef NET_NET_HANDSHAKE_H
#define NET_NET_HANDSHAKE_H

#include "server/net/net_conn.h"

/*
 * What passes before the protocol's own bytes: its hellos, and the handshake of
 * TLS.  States HELLO and HANDSHAKE of a connection; private to server/net.
 * Reads no byte that is not its own to read, so that what follows a hello is
 * TLS's alone.
 */
enum net_handshake {
    NET_HANDSHAKE_WAIT,   /* until readable, or writable where TLS says so */
    NET_HANDSHAKE_DONE,   /* the protocol may open; what its hello left is in
                             conn->hello */
    NET_HANDSHAKE_FAILED, /* broken, or no protocol was agreed: free it */
};

/* Of a connection that was just adopted. */
enum net_handshake net_handshake_begin(struct net_conn *conn);

/* Its socket is ready for what was waited for. */
enum net_handshake net_handshake_go_on(struct net_conn *conn);

#endif
