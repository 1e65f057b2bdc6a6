"""HDLC of the three-layer, connection-oriented profile (IEC 62056-46), sans-IO and for both roles.

address, fcs, frame: what is on the wire. negotiation: parameters of SNRM and UA. states: the automaton, one table.
connection: one data link, frames in and out. framing: a link's octets. line: the servers on one line.
"""
