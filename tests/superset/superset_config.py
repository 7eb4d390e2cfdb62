"""Superset for a test on this machine alone: no cache of its own, so that every
refresh asks Halftone; whoever asks is the administrator, for a browser without
hands cannot log in.  Nothing here is of use to others."""

import os

SECRET_KEY = "only for tests, on loopback, for as long as a test runs"
SQLALCHEMY_DATABASE_URI = "sqlite:///" + os.environ["SUPERSET_HOME"] + "/superset.db?timeout=30"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
RATELIMIT_ENABLED = False
SQLLAB_BACKEND_PERSISTENCE = False
NOBODY = {"CACHE_TYPE": "NullCache"}
CACHE_CONFIG = DATA_CACHE_CONFIG = NOBODY
FILTER_STATE_CACHE_CONFIG = EXPLORE_FORM_DATA_CACHE_CONFIG = {
    "CACHE_TYPE": "SupersetMetastoreCache", "CACHE_DEFAULT_TIMEOUT": 3600}


def FLASK_APP_MUTATOR(app):
    from flask_login import current_user, login_user

    def be_admin():
        from superset import security_manager

        if not current_user.is_authenticated:
            login_user(security_manager.find_user("admin"))

    app.before_request_funcs.setdefault(None, []).insert(0, be_admin)
