//! Project files and settings: `pyproject.toml`, `config.toml`, `RVP_*`.
