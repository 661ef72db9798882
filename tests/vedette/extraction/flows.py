"""Flows between addresses, as Argus writes them."""

from __future__ import annotations

HEADER = "StartTime,Flgs,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,TotPkts,TotBytes,State\n"


def flow(number: int) -> str:
    """Return a flow from an address that no other number has, to one that all have."""
    return f"1373553586.136399,e s,6,{address(number)},{1000 + number},->,10.9.9.9,80,2,120,REQ\n"


def address(number: int) -> str:
    """Return where a flow comes from."""
    return f"10.0.{number // 200}.{number % 200 + 1}"


def table(*numbers: int) -> bytes:
    """Return flows as Argus writes them."""
    return (HEADER + "".join(map(flow, numbers))).encode()
