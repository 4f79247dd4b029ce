"""How Sphinx builds the documentation."""

from importlib.metadata import version as version_of

import django
from django.conf import settings

# Modules are imported for their docstrings: some of them reach models.
settings.configure(
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "runtime",
    ],
)
django.setup()

project = "Channelscope"
author = "Channelscope contributors"
copyright = author
version = release = version_of("channelscope")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]
exclude_patterns = ["_build"]
nitpicky = True
# Links between pages are checked. Types in signatures name what has no page: asyncio, Django.
nitpick_ignore_regex = [("py:.*", ".*")]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_inherit_docstrings = False
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # beside properties of the same name
napoleon_custom_sections = ["Source", "Environment"]
default_role = "code"  # docstrings are written with single backticks

html_title = "Channelscope"
html_theme = "furo"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#007556", "color-brand-content": "#007556"},
    "dark_css_variables": {"color-brand-primary": "#3ddba6", "color-brand-content": "#3ddba6"},
}
