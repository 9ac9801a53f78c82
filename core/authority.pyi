ROLES: dict[str, str]
