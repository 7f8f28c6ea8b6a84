"""Every small change of the reader's source: a number one larger or smaller, another comparison, another operator, a
condition that always or never holds, another code of a refusal."""

import ast
import copy

# What reads files and what words the outcomes: rules of the vectors, not of the format.
NOT_RULES = {"__init__.py", "describe.py", "recording.py", "refused.py"}

COMPARISONS = {
    ast.Lt: [ast.LtE],
    ast.LtE: [ast.Lt],
    ast.Gt: [ast.GtE],
    ast.GtE: [ast.Gt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
}
OPERATORS = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Add],
    ast.Div: [ast.Mult],
    ast.Mod: [ast.Add],
    ast.LShift: [ast.RShift],
    ast.RShift: [ast.LShift],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd, ast.BitXor],
    ast.BitXor: [ast.BitOr],
    ast.Pow: [ast.Mult],
}


def small_changes(package):
    """Every small change: its name, and the changed code by its file."""
    for file, tree in package.trees.items():
        if file in NOT_RULES:
            continue
        names = {}
        for path, node in nodes(tree):
            for what, changed in changes_of(node):
                line = package.sources[file].splitlines()[node.lineno - 1].strip()
                name = f"{file}: {line} [{what}]"
                names[name] = names.get(name, 0) + 1
                if names[name] > 1:
                    name += f" #{names[name]}"
                yield name, {file: compile(with_node(tree, path, changed), file, "exec")}


def nodes(tree, path=()):
    """The nodes that are rules, each with the way to it: no texts for people, no annotations, no imports."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns"):
            continue
        children = value if isinstance(value, list) else [value]
        for at, child in enumerate(children):
            if not isinstance(child, ast.AST) or isinstance(child, (ast.JoinedStr, ast.Import, ast.ImportFrom)):
                continue
            way = (*path, (field, at if isinstance(value, list) else None))
            if isinstance(child, (ast.expr, ast.stmt)):
                yield way, child
            yield from nodes(child, way)


def changes_of(node):
    """What a node may become."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        for number in (node.value + 1, node.value - 1):
            yield f"{node.value} → {number}", ast.Constant(number)
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            for other in COMPARISONS.get(type(operator), []):
                changed = copy.deepcopy(node)
                changed.ops[at] = other()
                yield f"{ast.unparse(node)} → {ast.unparse(changed)}", changed
    if isinstance(node, (ast.BinOp, ast.AugAssign)):
        for other in OPERATORS.get(type(node.op), []):
            changed = copy.deepcopy(node)
            changed.op = other()
            yield f"{ast.unparse(node)} → {ast.unparse(changed)}", changed
    if isinstance(node, ast.BoolOp):
        for at in range(len(node.values)):
            changed = copy.deepcopy(node)
            del changed.values[at]
            left = changed if len(changed.values) > 1 else changed.values[0]
            yield f"{ast.unparse(node)} → {ast.unparse(left)}", left
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield f"{ast.unparse(node)} → {ast.unparse(node.operand)}", node.operand
    if isinstance(node, (ast.If, ast.IfExp)):
        for always in (True, False):
            changed = copy.copy(node)
            changed.test = ast.Constant(always)
            yield f"if {ast.unparse(node.test)} → if {always}", changed
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refused":
        if isinstance(node.args[0], ast.Constant):
            changed = copy.deepcopy(node)
            changed.args[0] = ast.Constant("other")
            yield f"{node.args[0].value} → other", changed
    if isinstance(node, (ast.Expr, ast.Assign, ast.AugAssign, ast.Delete)) and not is_definition(node):
        yield f"without {ast.unparse(node)}", ast.Pass()


def is_definition(node):
    """A constant or a text about the module, without which there is no reader at all."""
    return node.col_offset == 0 or isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def with_node(tree, path, changed):
    """A copy of the tree with another node at the end of the way; the rest is shared."""
    (field, at), rest = path[0], path[1:]
    copied = copy.copy(tree)
    if at is None:
        child = getattr(tree, field)
        setattr(copied, field, with_node(child, rest, changed) if rest else located(changed, child))
    else:
        children = list(getattr(tree, field))
        children[at] = with_node(children[at], rest, changed) if rest else located(changed, children[at])
        setattr(copied, field, children)
    return copied


def located(node, where):
    return ast.fix_missing_locations(ast.copy_location(copy.copy(node), where))
