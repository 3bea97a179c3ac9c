# Shows vitrail's values in gdb: shape, scalar type, first numbers. In gdb or ~/.gdbinit: source <prefix>/share/vitrail/vitrail_gdb.py
import re
import struct

import gdb
import gdb.printing

SHOWN = 6


def extents_of(shape_type):
    """The extents in a type's name, Shape<dyn, 196, 384>; None for the run-time batch, which compilers write in several ways."""
    name = shape_type.strip_typedefs().unqualified().name
    inside = name[name.index("<") + 1:name.rindex(">")]
    return [int(e) if re.fullmatch(r"-?\d+", e.strip()) else None for e in inside.split(",") if e.strip()]


def shape_text(shape_type, value=None):
    extents = extents_of(shape_type)
    if extents and extents[0] is None:
        extents[0] = int(value["batch"]) if value is not None else "dyn"
    return "(" + ", ".join(str(e) for e in extents) + ")", [1 if e == "dyn" else e for e in extents]


def number(value):
    """A number; of bfloat16 the float of which it is the upper half."""
    if value.type.strip_typedefs().code != gdb.TYPE_CODE_STRUCT:
        return float(value)
    return struct.unpack("<f", struct.pack("<I", int(value["bits"]) << 16))[0]


def numbers_text(at, extents):
    count = 1
    for e in extents:
        count *= e
    if int(at) == 0:
        return "[no memory]"
    try:
        first = ["%.4g" % number(at[i]) for i in range(min(count, SHOWN))]
    except gdb.MemoryError:
        return "[memory that gdb cannot read]"
    return "[" + ", ".join(first) + (", ...]" if count > SHOWN else "]")


class ShapePrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return "Shape " + shape_text(self.value.type, self.value)[0]


class TensorPrinter:
    def __init__(self, value):
        self.value = value

    def describe(self, what):
        text, extents = shape_text(self.value["shape"].type, self.value["shape"])
        at = self.value["at"]
        return "%s %s of %s %s" % (what, text, at.type.target().unqualified().name.replace("vitrail::", ""), numbers_text(at, extents))

    def to_string(self):
        return self.describe("Tensor")


class VarPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        slot = self.value["slot"]
        text = TensorPrinter(self.value["value"]).describe("Var")
        if int(slot) == 0:
            return text + ", wants no gradient"
        if int(slot["grad"]) == 0:
            return text + ", wants a gradient"
        _, extents = shape_text(self.value["shape"].type, self.value["shape"])
        return text + ", gradient " + numbers_text(slot["grad"].cast(self.value["value"]["at"].type), extents)


class ParameterPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        name = self.value.type.strip_typedefs().unqualified().name
        shape = gdb.lookup_type(name[name.index("<") + 1:name.rindex(">")].strip())
        text, extents = shape_text(shape)
        text = "Parameter %s, %s" % (text, "trained" if self.value["trained"] else "not trained")
        home = self.value["home"]
        if int(home) == 0:
            return text + ", without memory"
        scalar = gdb.lookup_type("double" if home["dtype"].string() == "F64" else "float")
        text += ", of %s %s" % (scalar.name, numbers_text(self.value["value"].cast(scalar.pointer()), extents))
        if int(self.value["gradient"]) != 0:
            text += ", gradient " + numbers_text(self.value["gradient"].cast(scalar.pointer()), extents)
        return text


def make_printer():
    printer = gdb.printing.RegexpCollectionPrettyPrinter("vitrail")
    printer.add_printer("Shape", r"^vitrail::Shape<.*>$", ShapePrinter)
    printer.add_printer("Tensor", r"^vitrail::Tensor<.*>$", TensorPrinter)
    printer.add_printer("Var", r"^vitrail::Var<.*>$", VarPrinter)
    printer.add_printer("Parameter", r"^vitrail::Parameter<.*>$", ParameterPrinter)
    return printer


gdb.printing.register_pretty_printer(None, make_printer(), replace=True)
