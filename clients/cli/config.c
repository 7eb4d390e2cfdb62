#include "clients/cli/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "server/policy/yaml.h"
#include "server/query/suggest.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the configuration is too large");
}

static enum err_code apply_env(struct options *o, config_getenv_fn *env,
                               struct err *err)
{
    for (unsigned i = 0; i < FLAG_COUNT_; i++) {
        const char *name = flag_of((enum flag_id)i)->env;
        const char *value = name ? env(name) : NULL;
        struct err why;
        if (!value || *value == '\0' ||
            options_set(o, (enum flag_id)i, value, FROM_ENV, &why) == ERR_OK)
            continue;
        (void)err_set(err, ERR_INVALID, "%s: %s", name, why.msg);
        return err_hint(err, "%s", why.hint);
    }
    return ERR_OK;
}

/* The file to read, or NULL when the environment names no home. */
static const char *path_of(const struct options *o, config_getenv_fn *env,
                           struct arena *a)
{
    if (o->config)
        return o->config;
    const char *folder = env("XDG_CONFIG_HOME");
    if (folder && *folder)
        return arena_printf(a, "%s/halftone.yaml", folder);
    const char *home = env("HOME");
    return home && *home ? arena_printf(a, "%s/.config/halftone.yaml", home)
                         : NULL;
}

static enum err_code unknown_key(const struct yaml_node *entry,
                                 const char *path, struct err *err)
{
    const char *names[FLAG_COUNT_];
    size_t n = 0;
    for (unsigned i = 0; i < FLAG_COUNT_; i++)
        if (flag_of((enum flag_id)i)->in_file)
            names[n++] = flag_of((enum flag_id)i)->name;
    const char *near = suggest(entry->key, names, n);
    (void)err_set(err, ERR_INVALID, "%.200s:%u: there is no setting '%.40s'",
                  path, entry->key_line, entry->key);
    return near ? err_hint(err, "did you mean %s?", near)
                : err_hint(err, "settings have the names of flags, such as "
                                "target or token-file");
}

static enum err_code apply_entry(struct options *o,
                                 const struct yaml_node *entry,
                                 const char *path, struct err *err)
{
    struct err why;
    const enum flag_id id = flag_by_name(entry->key, strlen(entry->key), 0);
    if (id == FLAG_COUNT_ || !flag_of(id)->in_file)
        return unknown_key(entry, path, err);
    if (entry->kind != YAML_SCALAR)
        return err_set(err, ERR_INVALID, "%.200s:%u: %s takes one value", path,
                       entry->line, entry->key);
    if (options_set(o, id, entry->text, FROM_FILE, &why) == ERR_OK)
        return ERR_OK;
    (void)err_set(err, ERR_INVALID, "%.200s:%u: %s: %s", path, entry->line,
                  entry->key, why.msg);
    return err_hint(err, "%s", why.hint);
}

static enum err_code apply_file(struct options *o, FILE *f, const char *path,
                                const char **warning, struct arena *a,
                                struct err *err)
{
    enum { GROUP_AND_OTHERS = 077 };
    struct yaml_node *root;
    struct err why;
    struct stat st;
    char *bytes = arena_alloc(a, YAML_BYTES_MAX + 1, 1);
    if (!bytes)
        return full(err);
    const size_t len = fread(bytes, 1, YAML_BYTES_MAX + 1, f);
    if (ferror(f))
        return err_set(err, ERR_NOT_FOUND, "cannot read '%.200s'", path);
    if (strspn(bytes, " \t\r\n") == len)
        return ERR_OK;
    if (yaml_tree_parse(&root, bytes, len, a, &why) != ERR_OK) {
        (void)err_set(err, ERR_INVALID, "%.200s:%u: %s", path, why.line,
                      why.msg);
        return err_hint(err, "%s", why.hint);
    }
    if (root->kind != YAML_MAP)
        return err_set(err, ERR_INVALID,
                       "%.200s: expected 'name: value' on each line", path);
    for (const struct yaml_node *e = root->first; e; e = e->next)
        TRY(apply_entry(o, e, path, err));
    if (yaml_tree_find(root, flag_of(FLAG_TOKEN)->name) &&
        fstat(fileno(f), &st) == 0 && (st.st_mode & GROUP_AND_OTHERS) != 0)
        *warning = arena_printf(a,
                                "%s holds a token and others can read it: "
                                "chmod 600 %s",
                                path, path);
    return ERR_OK;
}

enum err_code config_apply(struct options *o, config_getenv_fn *env,
                           const char **warning, struct arena *a,
                           struct err *err)
{
    *warning = NULL;
    TRY(apply_env(o, env, err));
    const char *path = path_of(o, env, a);
    FILE *f = path ? fopen(path, "re") : NULL;
    if (!f && path && (o->config || (errno != ENOENT && errno != ENOTDIR)))
        return err_set(err, ERR_NOT_FOUND, "cannot read '%.200s': %s", path,
                       strerror(errno));
    if (!f)
        return ERR_OK;
    const enum err_code code = apply_file(o, f, path, warning, a, err);
    (void)fclose(f);
    return code;
}
