"""The reader's modules, with one of them changed."""

import ast
import importlib
import importlib.abc
import importlib.util
import sys


class Package:
    """The package in `folder`: its sources and their syntax trees, each compiled once."""

    def __init__(self, folder):
        self.name = folder.name
        self.sources = {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.py"))}
        self.trees = {file: ast.parse(source) for file, source in self.sources.items()}
        self.codes = {file: compile(tree, file, "exec") for file, tree in self.trees.items()}

    def replaced(self, change):
        """The code of the files in which each `old` of the change, which must be there once, is `new`."""
        sources = {}
        for file, old, new in change:
            source = sources.get(file, self.sources[file])
            if source.count(old) != 1:
                sys.exit(f"mutants: {file} has {source.count(old)} of: {old}")
            sources[file] = source.replace(old, new)
        return {file: compile(source, file, "exec") for file, source in sources.items()}

    def modules(self, changed):
        """Imports the package with the code of `changed` files in the place of their own; gives its modules by name."""
        for name in [name for name in sys.modules if name.partition(".")[0] == self.name]:
            del sys.modules[name]
        finder = Finder(self.name, self.codes | changed)
        sys.meta_path.insert(0, finder)
        try:
            names = [file.removesuffix(".py") for file in self.codes if file != "__init__.py"]
            return {name: importlib.import_module(f"{self.name}.{name}") for name in names}
        finally:
            sys.meta_path.remove(finder)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of one package among compiled code."""

    def __init__(self, package, codes):
        self.package = package
        self.codes = codes

    def file_of(self, name):
        return "__init__.py" if name == self.package else name.removeprefix(f"{self.package}.") + ".py"

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] != self.package or self.file_of(name) not in self.codes:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=name == self.package)

    def exec_module(self, module):
        exec(self.codes[self.file_of(module.__name__)], module.__dict__)
