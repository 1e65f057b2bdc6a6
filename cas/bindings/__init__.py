"""Classes of the messages and APDUs, generated from schemas/ by codegen; never edited by hand."""
