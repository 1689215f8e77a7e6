"""Roles in the schema."""

from api.wording import described_enum
from domain import roles

Role = described_enum(roles.Role)
OrganisationRole = described_enum(roles.OrganisationRole)
