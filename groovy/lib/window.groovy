// QuPath's window: messages, and work that nobody's edits come in between.

import java.util.concurrent.Callable
import java.util.concurrent.ExecutionException
import java.util.concurrent.FutureTask
import javafx.application.Platform
import javafx.scene.control.Alert
import qupath.lib.gui.QuPathGUI
import qupath.lib.objects.hierarchy.events.PathObjectHierarchyListener
import qupath.lib.scripting.ScriptParameters

/** Do work on the thread of QuPath's window, where no edit comes in between; without a window, here. */
static Object withoutEdits(Closure work) {
    if (QuPathGUI.getInstance() == null || Platform.isFxApplicationThread())
        return work()
    def task = new FutureTask(work as Callable)
    Platform.runLater(task)
    boolean isStopped = false
    try {
        while (true) {
            try {
                return task.get()
            } catch (InterruptedException ignored) {
                isStopped = true  // the work goes on, and must not be left in the middle
            } catch (ExecutionException error) {
                throw error.getCause()
            }
        }
    } finally {
        if (isStopped)
            Thread.currentThread().interrupt()
    }
}

/**
 * Keep the end of this script from being a step that Edit › Undo takes back.
 *
 * After every script QuPath says that all objects may have changed, and would note them once more.
 */
static void skipUndoOfScriptEnd(hierarchy) {
    def undo = QuPathGUI.getInstance()?.getUndoRedoManager()
    if (undo == null)
        return
    def filter
    filter = { event ->
        if (event.getSource() instanceof ScriptParameters)
            Platform.runLater {
                hierarchy.removeListener(filter)
                hierarchy.addListener(undo)
            }
        else
            undo.hierarchyChanged(event)
    } as PathObjectHierarchyListener
    hierarchy.removeListener(undo)
    hierarchy.addListener(filter)
}

/** Print lines, and show them in a message if QuPath has a window. */
void tell(String title, List<String> lines) {
    lines.each { println(it) }
    showMessage(title, lines, 'INFORMATION')
}

/** Show lines in a message if QuPath has a window; the script goes on meanwhile. */
static void showMessage(String title, List<String> lines, String type) {
    def window = QuPathGUI.getInstance()
    if (window == null)
        return
    Platform.runLater {
        def message = new Alert(Alert.AlertType.valueOf(type), lines.drop(1).join('\n'))
        message.initOwner(window.getStage())
        message.setTitle(title)
        message.setHeaderText(lines[0])
        message.setResizable(true)
        message.getDialogPane().setMinWidth(500)
        message.show()
    }
}

/** Do the work of a script; an error is shown in a message, too, if QuPath has a window. */
static void tellErrors(String title, Closure work) {
    try {
        work()
    } catch (Exception error) {
        showMessage(title, [title + ' failed', error.getMessage() ?: error.getClass().getSimpleName()], 'ERROR')
        throw error
    }
}
