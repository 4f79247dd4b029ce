"""How Sphinx builds the documentation."""

from importlib.metadata import version as version_of

project = "Channelscope"
author = "Channelscope contributors"
copyright = author
version = release = version_of("channelscope")

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = "Channelscope"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#007556", "color-brand-content": "#007556"},
    "dark_css_variables": {"color-brand-primary": "#3ddba6", "color-brand-content": "#3ddba6"},
}
