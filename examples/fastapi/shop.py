"""A small shop with a database, as a service that people run: `uvicorn shop:app`.

DATABASE_URL names another database than SQLite in a file that is forgotten, such as
`postgresql+psycopg://user@localhost/shop`. SHOP_VERSION is the version that it says it is, and
SHOP_SLOWER makes each query take so many seconds longer, so that an upgrade may do harm.
"""

import asyncio
import os
import random
import tempfile
import time

from fastapi import FastAPI, HTTPException
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from pydantic import BaseModel, PositiveInt
from sqlalchemy import ForeignKey, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

VERSION = os.environ.get("SHOP_VERSION", "1.0.0")
SLOWER = float(os.environ.get("SHOP_SLOWER", "0"))
folder = tempfile.TemporaryDirectory()
URL = os.environ.get("DATABASE_URL", f"sqlite:///{folder.name}/shop.db")

resource = Resource.create({"service.name": "shop", "service.version": VERSION})
provider = TracerProvider(resource=resource)
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)

engine = create_engine(URL)
SQLAlchemyInstrumentor().instrument(engine=engine)

if SLOWER:

    @event.listens_for(engine, "before_cursor_execute")
    def _slower(*_):
        time.sleep(SLOWER)


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[float]


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    amount: Mapped[int]


class Wish(BaseModel):
    """What is ordered."""

    product_id: int
    amount: PositiveInt = 1


Base.metadata.create_all(engine)
with Session(engine) as session:
    if not session.scalar(select(Product).limit(1)):
        names = ["lamp", "chair", "table", "shelf", "rug"]
        session.add_all(Product(name=name, price=10.0 * len(name)) for name in names)
        session.commit()

app = FastAPI(title="shop", version=VERSION)


@app.get("/products")
def products():
    with Session(engine) as session:
        return session.scalars(select(Product)).all()


@app.get("/products/{id}")
def product(id: int):
    with Session(engine) as session:
        found = session.get(Product, id)
    if not found:
        raise HTTPException(404, "there is no such product")
    return found


@app.post("/orders", status_code=201)
def order(wish: Wish):
    with Session(engine) as session:
        if not session.get(Product, wish.product_id):
            raise HTTPException(404, "there is no such product")
        made = Order(product_id=wish.product_id, amount=wish.amount)
        session.add(made)
        session.commit()
        return {"id": made.id}


@app.get("/report")
def report():
    """One query for the newest orders and one more for each: the mistake known as N+1."""
    with Session(engine) as session:
        newest = session.scalars(select(Order).order_by(Order.id.desc()).limit(20)).all()
        session.expunge_all()
        total = 0.0
        for one in newest:
            price = session.scalar(select(Product.price).where(Product.id == one.product_id))
            total += price * one.amount
        return {"orders": len(newest), "total": total}


@app.post("/checkout")
async def checkout():
    """Asks somebody slow, who sometimes fails."""
    await asyncio.sleep(random.lognormvariate(-2.5, 0.5))
    if random.random() < 0.05:
        raise RuntimeError("the bank does not answer")
    return {"paid": True}


FastAPIInstrumentor.instrument_app(app)
