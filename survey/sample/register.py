"""Register: the sample as lists have it by now, names and phones included, and cells of it put right.

Beside `survey.cases` the only place that reads `contact`; what it gives stays in this room and in the files
that are for the field.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import Session, select

from survey.cases import Sampled
from survey.models import Case, Contact


def listed(session: Session) -> list[Sampled]:
    """All cases as the sample lists have them by now, with names and phones, by case_id."""
    query = select(Case, Contact).join(Contact, isouter=True).order_by(Case.case_id)
    return [
        Sampled(
            case_id=case.case_id,
            frame_src=case.frame_src,
            psu_code=case.psu_code,
            stratum=case.stratum,
            incl_prob=case.incl_prob,
            returned=case.returned_on,
            name=contact.name if contact else "",
            phone=contact.listed_phone if contact else "",
            commune=contact.commune if contact else "",
            gender=case.gender,
            language=case.language,
            wish=case.wish,
            sample=case.sample,
        )
        for case, contact in session.exec(query)
    ]


def put_right(session: Session, person: Sampled, columns: Collection[str]) -> None:
    """Let these columns of a case be as the list has them; a phone told in the field since stands."""
    case = session.exec(select(Case).where(Case.case_id == person.case_id)).one()
    contact = session.get(Contact, person.case_id)
    for name in columns:
        value = getattr(person, name)
        if name in ("name", "commune") and contact is not None:
            setattr(contact, name, value)
        elif name == "phone" and contact is not None:
            contact.phone1 = value if contact.phone1 == contact.listed_phone else contact.phone1
            contact.listed_phone = value
        elif name not in ("name", "commune", "phone"):
            setattr(case, "returned_on" if name == "returned" else name, value)
    session.add_all([row for row in (case, contact) if row is not None])
