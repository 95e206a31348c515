"""How each kind of file says that a value has a name: one module per kind."""

from collections.abc import Callable, Iterator
from importlib import import_module

from dagwarden.patterns import late
from dagwarden.sources.embedded.spots import Spot

# Yields the credentials of a text; raises Unparsable and Partly.
Reader = Callable[[str], Iterator[Spot]]

# A format, by the module and the function that read it: most are never loaded.
_FORMATS = {
    "csv": "prose.read_csv",
    "curlrc": "settings.read_curlrc",
    "dockerfile": "scripts.read_dockerfile",
    "env": "settings.read_env",
    "ini": "settings.read_ini",
    "json": "json_text.read_json",
    "named": "plain.read_named",
    "netrc": "settings.read_netrc",
    "notebook": "notebook.read_notebook",
    "npmrc": "settings.read_npmrc",
    "passwords": "json_text.read_passwords",
    "pgpass": "settings.read_pgpass",
    "prose": "prose.read_prose",
    "python": "python.read_python",
    "shapes": "plain.read_shapes",
    "shell": "scripts.read_shell",
    "sql": "scripts.read_sql",
    "terraform": "terraform.read_terraform",
    "toml": "settings.read_toml",
    "userlist": "settings.read_userlist",
    "xml": "xml_text.read_xml",
    "yaml": "yaml_text.read_yaml",
}

# What people read, and tables: no settings, no commands.
READ_BY_PEOPLE = frozenset({"csv", "prose", "shapes"})
_ENDINGS = {
    "bash": "shell",
    "cfg": "ini",
    "cnf": "ini",
    "conf": "ini",
    "adoc": "prose",
    "asciidoc": "prose",
    "csv": "csv",
    "dockerfile": "dockerfile",
    "env": "env",
    "envrc": "shell",
    "fish": "shell",
    "har": "json",
    "hcl": "terraform",
    "hql": "sql",
    "htm": "prose",
    "html": "prose",
    "ini": "ini",
    "ipynb": "notebook",
    "json": "json",
    "json5": "named",
    "jwk": "json",
    "jwks": "json",
    "jsonc": "named",
    "ksh": "shell",
    "log": "prose",
    "markdown": "prose",
    "md": "prose",
    "mdx": "prose",
    "org": "prose",
    "plist": "xml",
    "properties": "ini",
    "psv": "csv",
    "py": "python",
    "pyi": "python",
    "pyw": "python",
    "qmd": "prose",
    "rmd": "prose",
    "rst": "prose",
    "sh": "shell",
    "sql": "sql",
    "tf": "terraform",
    "tfstate": "json",
    "tfvars": "terraform",
    "tsv": "csv",
    "txt": "prose",
    "toml": "toml",
    "yaml": "yaml",
    "xml": "xml",
    "yml": "yaml",
    "zsh": "shell",
    # code and settings in other languages, where names are assigned to
    **dict.fromkeys(
        [
            "bat",
            "bicep",
            "cmd",
            "cs",
            "gradle",
            "go",
            "groovy",
            "java",
            "js",
            "jsx",
            "kt",
            "ps1",
            "psm1",
            "r",
            "rb",
            "rs",
            "scala",
            "ts",
            "tsx",
            "jinja",
            "jinja2",
            "j2",
            "tpl",
            "tmpl",
        ],
        "named",
    ),
}
_NAMES = {
    ".boto": "ini",
    ".curlrc": "curlrc",
    ".fetchmailrc": "netrc",
    ".msmtprc": "ini",
    ".bash_profile": "shell",
    ".bashrc": "shell",
    ".databrickscfg": "ini",
    ".dockercfg": "json",
    ".flaskenv": "env",
    ".netrc": "netrc",
    ".npmrc": "npmrc",
    ".pgpass": "pgpass",
    ".profile": "shell",
    ".pypirc": "ini",
    ".yarnrc": "named",
    "auth.conf": "netrc",
    ".zshrc": "shell",
    "_netrc": "netrc",
    "config": "ini",
    "containerfile": "dockerfile",
    "credentials": "ini",
    "jenkinsfile": "named",
    "makefile": "shell",
    "pip.conf": "ini",
    "pipfile": "toml",
    "pgpass.conf": "pgpass",
    "procfile": "shell",
    "simple_auth_manager_passwords.json.generated": "passwords",
    "userlist.txt": "userlist",
}
_MANIFEST = late(r"(?:---\s*\n)?(?:#[^\n]*\n)*(?:apiVersion|kind):\s")
_XML = late(r"\s*<(?:\?xml\s|[A-Za-z]{1,60}[\s>])")
_SHEBANG = late(r"#!\s*\S*?(?:/env\s+(?:-\S+\s+)*)?(?P<program>\w+)[\d.]*(?:\s|$)")
_PROGRAMS = {
    **dict.fromkeys(("sh", "bash", "dash", "ksh", "zsh"), "shell"),
    "python": "python",
}


def format_of(name: str, text: str) -> str:
    """Return the format of a file: by its name, else by how its text begins."""
    name = name.lower()
    if "." not in name[1:] and _MANIFEST().match(text):
        return "yaml"  # kubeconfig, .kube/config
    if known := _NAMES.get(name):
        return known
    if name.startswith(".env") or name.endswith(".env"):
        return "env"
    if name.startswith(("dockerfile", "containerfile")):
        return "dockerfile"
    for ending in (
        ".example",
        ".sample",
        ".template",
        ".dist",
        ".tmpl",
        ".tpl",
        ".bak",
    ):
        if name.endswith(ending) and "." in name.removesuffix(ending):
            return format_of(name.removesuffix(ending), text)
    stem, dot, ending = name.rpartition(".")
    if dot and (stem or ending) and (known := _ENDINGS.get(ending)):
        return known
    if (shebang := _SHEBANG().match(text)) and (
        known := _PROGRAMS.get(shebang["program"])
    ):
        return known
    if text[:1] == "{" or (not dot and text[:1] == "["):
        return "json"  # .dockerconfigjson, .avsc, .webmanifest
    if _XML().match(text):  # web.config, plans of JMeter
        return "xml"
    return "shapes"


def reader_of(name: str) -> Reader:
    """Return what reads a format."""
    module, _, function = _FORMATS[name].partition(".")
    package = import_module(f"{__name__}.{module}")
    reader: Reader = getattr(package, function)
    return reader
