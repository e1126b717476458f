"""Let Groovy run in every Java that a session starts."""

from __future__ import annotations


def enable_groovy() -> None:
    """Make Groovy find Java's classes by loading them, not by reading their files.

    The reader of class files in each version of Groovy refuses Javas that came after it: those of
    Groovy 3.0.4 end at Java 14, of 3.0.23 and 4.0.26 at Java 24, with "Unsupported class file major
    version". Loaded classes are never read. The option is ``asmResolving`` of Groovy's
    ``ClassNodeResolver``; the default configuration has no other way to set it.

    Nothing happens where there is no Groovy, or one that is older than the option.
    """
    from jpype import JClass

    try:
        loader = JClass("ij.IJ").getClassLoader()
        kind = JClass("java.lang.Class").forName(
            "org.codehaus.groovy.control.CompilerConfiguration", True, loader
        )
        default = kind.getField("DEFAULT").get(None)
        field = kind.getDeclaredField("optimizationOptions")
    except Exception:  # No such class or field.
        return
    field.setAccessible(True)
    options = JClass("java.util.HashMap")(field.get(default))
    options.put("asmResolving", JClass("java.lang.Boolean").FALSE)
    field.set(default, options)
