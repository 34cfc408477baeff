"""OFFSET pagination."""

import re

from backlint.api import (
    CallSite,
    Confidence,
    Const,
    Evidence,
    Findings,
    Project,
    QueryStep,
    Rule,
    Severity,
)

_SQL_OFFSET = re.compile(r"\boffset\s+(?P<amount>[%:?@${\w]\S*)", re.IGNORECASE)
_SMALL = 1000


class OffsetPagination(Rule):
    """Checks for lists that are paged with OFFSET, whose cost grows with the page number.

    ## Why is this bad?
    The database reads and throws away every row before the offset. Page 1 costs 20 rows, page 10,000
    costs 200,000, and a crawler that walks the list to its end makes the database read half the
    table squared. Rows that are inserted or deleted meanwhile shift the pages, so clients see
    an item twice or never.

    ## What to do instead
    Page by a key: order by a unique, indexed column (or `created_at, id`), return the last key as a
    cursor, and ask for `WHERE id > :cursor ORDER BY id LIMIT n`. The cost of a page stays the same.

    ## References
    - [Use The Index, Luke: paging through results](https://use-the-index-luke.com/no-offset)
    - [PostgreSQL: LIMIT and OFFSET](https://www.postgresql.org/docs/current/queries-limit.html)
    """

    severity = Severity.WARNING

    def check(self, project: Project, findings: Findings) -> None:
        for call in project.calls():
            if call.entry is not None and QueryStep.OFFSETS in call.entry.query:
                _offset_call(project, findings, call)
