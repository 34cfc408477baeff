"""Classes that describe data: request bodies, forms, serializers, records."""

from backlint.link.schemas.find import Schemas
from backlint.link.schemas.model import Extra, Schema, SchemaField

__all__ = ["Extra", "Schema", "SchemaField", "Schemas"]
