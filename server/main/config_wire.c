#include "server/main/config_wire.h"

#include <arpa/inet.h>
#include <string.h>

#include "server/policy/scalar.h"

/* --- one key --- */

/* "127.0.0.1:7443", "[::1]:7443": numeric, so that nothing is looked up. */
static bool parse_listen(struct loader *l, const char *text,
                         struct config_listen *out)
{
    const bool v6 = text[0] == '[';
    const char *end = v6 ? strchr(text, ']') : strrchr(text, ':');
    uint64_t port;
    struct in6_addr any;
    if (!end || (v6 && end[1] != ':'))
        return false;
    const char *digits = end + (v6 ? 2 : 1);
    if (!scalar_whole(&port, digits) || port > UINT16_MAX)
        return false;
    char *host = arena_strndup(l->a, text + v6, (size_t)(end - text) - v6);
    if (!host) {
        l->full = true;
        return true;
    }
    if (inet_pton(v6 ? AF_INET6 : AF_INET, host, &any) != 1)
        return false;
    *out = (struct config_listen){ host, (uint16_t)port };
    return true;
}

void config_read_listen(struct loader *l, const struct field *f,
                        const struct yaml_node *node, void *out)
{
    const char *text = loader_scalar(l, f, node);
    struct config_listen *listen = (void *)((char *)out + f->at);
    if (text && !parse_listen(l, text, listen))
        loader_mistake(l, yaml_place_of(node),
                       arena_printf(l->a, "'%s' is no address and port",
                                    loader_quote(l, text)),
                       "write a numeric address such as 127.0.0.1:7443, "
                       "0.0.0.0:7443 or [::1]:7443");
}

void config_read_metrics(struct loader *l, const struct field *f,
                         const struct yaml_node *node, void *out)
{
    struct config *c = &((struct config_text *)out)->c;
    c->has_metrics =
        node->kind != YAML_SCALAR || strcmp(node->text, "off") != 0;
    if (c->has_metrics)
        config_read_listen(l, f, node, out);
}

void config_read_pg(struct loader *l, const struct field *f,
                    const struct yaml_node *node, void *out)
{
    struct config *c = &((struct config_text *)out)->c;
    c->has_pg = node->kind != YAML_SCALAR || strcmp(node->text, "off") != 0;
    if (c->has_pg)
        config_read_listen(l, f, node, out);
}

void config_read_plaintext(struct loader *l, const struct field *f,
                           const struct yaml_node *node, void *out)
{
    const char *text = loader_scalar(l, f, node);
    if (!text)
        return;
    ((struct config_text *)out)->plaintext_asked = true;
    if (strcmp(text, "loopback") == 0)
        ((struct config_text *)out)->c.plaintext = true;
    else
        loader_mistake(l, yaml_place_of(node),
                       "'plaintext' can only be loopback",
                       "write 'plaintext: loopback' for tests on this machine, "
                       "or remove it and set 'tls'");
}

/* --- all together --- */

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static struct yaml_place place_of(const struct config_text *t, const char *key)
{
    const struct yaml_node *node = yaml_tree_find(t->root, key);
    return node ? yaml_place_of(node) : yaml_place_of(t->root);
}

static void check_plaintext(struct loader *l, const struct config_text *t,
                            const char *key, const char *host)
{
    if (t->c.plaintext && host && !is_loopback(host))
        loader_mistake(l, place_of(t, key),
                       arena_printf(l->a,
                                    "plaintext on %s would show answers "
                                    "and tokens to the network",
                                    host),
                       "listen on 127.0.0.1, or set 'tls'");
}

/* Two doors on one port of one address. */
static void check_ports(struct loader *l, const struct config_text *t)
{
    const struct config *c = &t->c;
    if (c->has_pg && c->pg.host && c->pg.port != 0 &&
        ((c->grpc.host && c->pg.port == c->grpc.port) ||
         (c->has_metrics && c->pg.port == c->metrics.port)))
        loader_mistake(l, place_of(t, "postgres"),
                       "'postgres' names the port of another listener",
                       "choose another for PostgreSQL's protocol");
}

void config_check_wire(struct loader *l, const struct config_text *t)
{
    const struct config *c = &t->c;
    if (!c->tls_cert != !c->tls_key)
        loader_mistake(l, place_of(t, "tls"),
                       "'tls' needs both 'cert' and 'key'",
                       "add the one that is missing");
    else if (c->tls_cert && t->plaintext_asked)
        loader_mistake(l, place_of(t, "plaintext"),
                       "'tls' and 'plaintext' exclude each other",
                       "remove 'plaintext'");
    else if (!c->tls_cert && !t->plaintext_asked)
        loader_mistake(l, place_of(t, "tls"),
                       "the server has neither certificate nor leave to do "
                       "without",
                       "add 'tls: {cert: FILE, key: FILE}', or 'plaintext: "
                       "loopback' for tests on this machine");
    check_plaintext(l, t, "listen", c->grpc.host);
    check_plaintext(l, t, "postgres", c->has_pg ? c->pg.host : NULL);
    if (c->has_metrics && c->metrics.host && !is_loopback(c->metrics.host))
        loader_mistake(l, place_of(t, "metrics"),
                       arena_printf(l->a,
                                    "metrics on %s would be open to the "
                                    "network",
                                    c->metrics.host),
                       "use a loopback address, or 'metrics: off'");
    if (c->has_metrics && c->metrics.host && c->grpc.host &&
        c->metrics.port != 0 && c->metrics.port == c->grpc.port)
        loader_mistake(l, place_of(t, "metrics"),
                       "'metrics' and 'listen' name the same port",
                       "choose another for the metrics");
    check_ports(l, t);
}
