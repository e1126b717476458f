// Answers the dialogs of commands in Fiji's menus, as a person would. Run by Fiji with its window:
//   fiji --run drive_menus.groovy 'calls="calls.json",results="results.json"'
// calls.json: [{command, opening, texts, numbers, choices}, ...]; results.json gets for each what it
// said, in the log and in messages, and what the recorder recorded.

#@ String calls
#@ String results

import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import ij.IJ
import ij.gui.GenericDialog
import ij.gui.MessageDialog
import ij.plugin.frame.Recorder
import java.awt.Button
import java.awt.Container
import java.awt.Window
import java.awt.event.ActionEvent

def showing(Class kind) {
    Window.windows.findAll { kind.isInstance(it) && it.showing }
}

def waitFor(Closure isDone) {
    def end = System.currentTimeMillis() + 60_000
    while (!isDone() && System.currentTimeMillis() < end) {
        sleep(50)
    }
}

def press(Window dialog) {
    def button = dialog.buttons[0]
    button.dispatchEvent(new ActionEvent(button, ActionEvent.ACTION_PERFORMED, button.label))
}

def textOf(component) {
    if (component.class.simpleName == 'MultiLineLabel') {
        def lines = component.class.getDeclaredField('lines')
        lines.accessible = true
        return lines.get(component).join(' ')
    }
    component instanceof Container ? component.components.collect { textOf(it) }.join(' ') : ''
}

def choose(Map call) {
    IJ.runMacro('close("*"); roiManager("reset"); print("x"); print("\\\\Clear");' + call.opening)
    def before = Recorder.instance.text
    IJ.doCommand(call.command)
    // the thread of the click ends when the recorder has its line
    def command = null
    waitFor { command = Thread.allStackTraces.keySet().find { it.name.contains(call.command) } }
    def dialog = null
    waitFor { dialog = showing(GenericDialog).find { it.title == call.command } }
    sleep(500)
    [[dialog.stringFields, call.texts], [dialog.numericFields, call.numbers]].each { fields, answers ->
        (fields ?: []).eachWithIndex { field, i -> field.text = answers[i] }
    }
    (dialog.choices ?: []).eachWithIndex { choice, i -> choice.select(call.choices[i]) }
    press(dialog)
    def said = ''
    waitFor {
        showing(MessageDialog).each { said += textOf(it); sleep(500); it.dispose() }
        !command.alive && showing(MessageDialog).empty
    }
    [said: said + (IJ.log ?: ''), recorded: Recorder.instance.text.substring(before.length())]
}

Thread.start {
    try {
        waitFor { IJ.instance?.showing }
        IJ.run('Record...')
        waitFor { Recorder.instance != null }
        def answers = new JsonSlurper().parse(new File(calls)).collect { choose(it) }
        new File(results).text = JsonOutput.toJson(answers)
    } catch (Throwable error) {
        new File(results).text = JsonOutput.toJson([[said: "driver failed: $error".toString(), recorded: '']])
    }
    System.exit(0)
}
