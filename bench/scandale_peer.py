"""What `bench/api.py` compares with: the same routes as SCANDALE has them, plain FastAPI and SQLAlchemy.

One blocking commit an item within the event loop, JSON in a column, lists without an index: written for this
comparison after reading SCANDALE's source, with SQLite in place of its PostgreSQL.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import JSON, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from told import begin


class Base(DeclarativeBase):
    """The tables."""


class Row(Base):
    """An item."""

    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    scan_data: Mapped[dict[str, Any]] = mapped_column(JSON)


class Payload(BaseModel):
    raw: str


class Meta(BaseModel):
    uuid: str
    ts: int
    type: str


class ScanData(BaseModel):
    version: str
    format: str
    meta: Meta
    payload: Payload


class Item(BaseModel):
    model_config = {"from_attributes": True}
    scan_data: ScanData


def make_app(database: Path) -> FastAPI:
    """Return the application."""
    engine = create_engine(f"sqlite:///{database}", connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _durable(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    Base.metadata.create_all(engine)
    sessions = sessionmaker(engine)
    app = FastAPI()

    def session() -> Iterator[Session]:
        opened = sessions()
        try:
            yield opened
        finally:
            opened.close()

    store = Depends(session)

    @app.get("/items/", response_model=list[Item])
    def read_items(skip: int = 0, limit: int = 100, db: Session = store) -> Any:
        return db.query(Row).offset(skip).limit(limit).all()

    @app.get("/items/{item_id}", response_model=Item)
    def read_item(item_id: int, db: Session = store) -> Any:
        found = db.query(Row).filter(Row.id == item_id).first()
        if found is None:
            raise HTTPException(status_code=404, detail="Item not found")
        return found

    @app.post("/items/", response_model=Item)
    async def create_item(item: ScanData, db: Session = store) -> Any:
        row = Row(scan_data=item.model_dump())
        db.add(row)
        db.commit()
        db.refresh(row)
        return row

    return app


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    arguments = parser.parse_args()
    begin(arguments.parent_pid)
    uvicorn.run(make_app(arguments.database), fd=arguments.fd, log_level="error", access_log=False)


if __name__ == "__main__":
    main()
