"""A Java with Groovy and without QuPath: compiles the scripts and runs the functions in them.

Of QuPath's and JavaFX's classes there are only empty ones, made from the imports. ImageJ, Gson and
what comes with Java are the real ones.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from bridge.apps.qupath.worker.projects import plain_bytecode
from bridge.java.answering import Answers, requests

CLASSES_BELOW = "// -- PackedObjects.groovy --"
"""Line of a built script below which there are the classes that the command uses, too."""

# What runs a piece of Groovy with `script`, the compiled script, at hand.
ASKING = "new com.google.gson.GsonBuilder().serializeNulls().create().toJson({ -> %s }())"


def main() -> None:
    """Answer until nobody asks any more."""
    answers = Answers(Path(sys.argv[1]))
    java, *jars = sys.argv[2:]
    import jpype

    jpype.startJVM(
        "-Djava.awt.headless=true",
        "--enable-native-access=ALL-UNNAMED",
        jvmpath=java,
        classpath=jars,
        convertStrings=True,
        ignoreUnrecognized=True,
    )
    answers.ready({"groovy": str(jpype.JClass("groovy.lang.GroovySystem").getVersion())})
    for request in requests():
        answer: dict[str, Any]
        try:
            if request["do"] == "compile":
                answer = {"bytes": compiled(Path(request["script"]))}
            elif request["do"] == "parse":
                answer = {"classes": parsed(Path(request["script"]))}
            elif request["do"] == "links":
                answer = {"links": links(request["groovy"])}
            else:
                text = asked(Path(request["script"]), request["groovy"])
                answer = {"value": json.loads(text)}
        except jpype.JException as error:
            answer = {"error": str(error.getClass().getSimpleName()), "message": message(error)}
        answers.give(request["number"], answer)


def message(error: Any) -> str:
    """What an exception says, without what Python adds to it."""
    return str(error.getMessage())


def own_part(script: Path) -> str:
    """A script with empty classes for those of QuPath's process, which need QuPath to compile."""
    text, below, _ = script.read_text("utf-8").partition(CLASSES_BELOW)
    return text + "class PackedObjects {}\nclass Texts {}\n" * bool(below)


def empty_classes(text: str) -> dict[str, str]:
    """Sources of empty classes for what a script imports from QuPath and what comes with it."""
    names = re.findall(r"^import ((?:qupath|javafx|org)\.[\w.]+)$", text, re.MULTILINE)
    sources = {}
    for name in names:
        package, _, simple = name.rpartition(".")
        sources[name] = f"package {package}\nclass {simple} {{}}\n"
    return sources


def compiled(script: Path) -> dict[str, int]:
    """The classes that a script becomes, and the size of each in bytes."""
    import jpype

    phases = jpype.JClass("org.codehaus.groovy.control.Phases")
    unit = jpype.JClass("org.codehaus.groovy.control.CompilationUnit")()
    text = own_part(script)
    for name, source in empty_classes(text).items():
        unit.addSource(name, source)
    unit.addSource(script.name, text)
    unit.compile(phases.CLASS_GENERATION)
    return {
        str(made.getName()): len(made.getBytes())
        for made in unit.getClasses()
        if not str(made.getName()).startswith(("qupath.", "javafx.", "org."))
    }


def parsed(source: Path) -> list[str]:
    """The classes that a source defines; what it uses need not be there."""
    import jpype

    phases = jpype.JClass("org.codehaus.groovy.control.Phases")
    unit = jpype.JClass("org.codehaus.groovy.control.CompilationUnit")()
    unit.addSource(f"{source.stem}Source.groovy", source.read_text("utf-8"))
    unit.compile(phases.CONVERSION)
    return [str(made.getName()) for made in unit.getAST().getClasses()]


def links(groovy: str) -> bool:
    """Tell whether a class, compiled as for QuPath's process, has Java link its code as it runs."""
    import jpype

    phases = jpype.JClass("org.codehaus.groovy.control.Phases")
    unit = jpype.JClass("org.codehaus.groovy.control.CompilationUnit")(plain_bytecode())
    unit.addSource("Linked.groovy", groovy)
    unit.compile(phases.CLASS_GENERATION)  # all but writing the class into the current folder
    return any(b"IndyInterface" in bytes(made.getBytes()) for made in unit.getClasses())


def asked(script: Path, groovy: str) -> str:
    """The value of a piece of Groovy, as JSON."""
    import jpype

    shell_class = jpype.JClass("groovy.lang.GroovyShell")
    shell = shell_class()
    text = own_part(script)
    loader = shell.getClassLoader()
    for source in empty_classes(text).values():
        loader.parseClass(source)
    shell.setVariable("script", shell.parse(text, script.name))
    return str(shell.evaluate(ASKING % groovy))


if __name__ == "__main__":
    main()
