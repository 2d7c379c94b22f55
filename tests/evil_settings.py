"""Settings files that would have code run, modules imported or programs started, if they were believed."""

from __future__ import annotations

_EXECUTORS = ("evil_canary:Boom", "evil_canary.Boom", "evil_canary", "os:system", "processes", "threads")
_URLS = (
    "evil_canary://x/y", "sqlite+evil_canary:///x.db", "sqlite:///x.db?plugin=evil_canary", "../../../fired",
    "postgresql+evil_canary://a@localhost/b", "file:///fired", "sqlite:///${HOME}/x.db", "sqlite:///$(touch fired)",
)  # fmt: skip
_PLACES = (
    "evil_canary://x", "python://evil_canary", "reference://evil_canary", "$(touch fired)", "../../../fired",
    "simplecache::evil_canary://x", "jinja://{{evil_canary}}", "libarchive://x",
)  # fmt: skip
_SETUPS = (
    "evil_setup.py::configure", "../evil_setup.py::configure", "evil_canary::fire", "os::system",
    "evil_setup.py::__import__('os').system('touch fired')", "/dev/stdin::configure",
)  # fmt: skip
_LINES = (
    '[values]\nallow = ["os.*", "builtins.*"]\n',
    '[values]\ntrust = "writers"\n',
    '[value]\npickle = "allow"\n[values]\npickle = "allow"\n',
    '[shared]\nunsigned = true\nbelieve = ["evil"]\nurl = "evil_canary://x"\n',
    '[shared]\nurl = "python://evil_canary"\nverify_sample = "1e999%"\n',
    '[database]\npassword_command = "touch fired"\nurl = "postgresql://evil@127.0.0.1:9/x"\n',
    '[repos.evil]\nurl = "postgresql://evil@127.0.0.1:9/x"\npassword_command = "touch fired"\n',
    '[federated_tasks.evil]\ntask_name = "evil.make"\nload_module = "evil_canary"\nconfig_dir = "../evil"\n',
    '[scheduler]\ncontext_file = "/dev/zero"\n',
    '[scheduler]\ncontext_file = "../evil_canary.py"\n[context]\nfile = "evil_canary.py"\n',
    '[hooks]\nlog = "touch fired"\n[plugins]\nevil = "evil_canary"\n[pager]\ncommand = "touch fired"\n',
    '[backend]\ndb_uri = "sqlite:///x.db"\n[scheduler]\nload = ["evil_canary"]\nsetup_scheduler = "evil_setup.py::x"\n',
    "a = " + "[" * 20_000 + "]" * 20_000 + "\n",
    "a = " + "9" * 100_000 + "\n",
    "[" + "a." * 20_000 + "a]\n",
    "\udcff\udcfe = 1\n",
    "[run]\nworkers = 9999999999999\n[limits]\nevil = -1\n",
    '[logging]\nclass = "evil_canary.Boom"\n"()" = "evil_canary.Boom"\n',
    "!!python/object/apply:os.system ['touch fired']\n",
)


def settings_files() -> list[str]:
    """What is written into a project's `redux.toml`, each another one, as text with lone surrogates for odd bytes."""
    found = [f'[executors.evil]\ntype = "{each}"\nimage = "$(touch fired)"\n' for each in _EXECUTORS]
    found += [f'[executors.evil]\nclass = "{each}"\n' for each in _EXECUTORS]
    found += [f'[executors.default]\ntype = "{each}"\n[run]\nexecutor = "default"\n' for each in _EXECUTORS[:4]]
    found += [f'[database]\nurl = "{each}"\n' for each in _URLS]
    found += [f'[store]\nlocation = "{each}"\nurl = "{each}"\n' for each in _PLACES]
    found += [f'[shared]\nurl = "{each}"\n' for each in _PLACES]
    found += [f'[scheduler]\nsetup = "{each}"\n' for each in _SETUPS]
    return [*found, *_LINES]
