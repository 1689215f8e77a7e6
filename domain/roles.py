"""Roles: what a person may do in a fund, and in the organisation that owns it."""

from domain.wording import Wording


class Role(Wording):
    """What a person may do in a fund; each includes those before it."""

    VIEWER = "VIEWER", "Reads."
    ANALYST = "ANALYST", "Records facts and runs calculations."
    MANAGER = "MANAGER", "Sets rules and scenarios, applies recommendations."
    ADMIN = "ADMIN", "Says who takes part."

    @property
    def rank(self) -> int:
        """0 for the least."""
        return list(Role).index(self)


class OrganisationRole(Wording):
    """What a person may do in an organisation; each includes those before it."""

    MEMBER = "MEMBER", "Belongs to it; what they may do in its funds is said fund by fund."
    ADMIN = "ADMIN", "Opens funds, has every role in all of them, and says who belongs."

    @property
    def rank(self) -> int:
        """0 for the least."""
        return list(OrganisationRole).index(self)
