// Settings of a macro: handed over by Fiji or as text, else asked for in a dialog.

var settingsPass = 0;             // 1: what was handed over is looked up, 2: the values are taken
var settingKeys = newArray(0);    // names that were handed over as text, as they are compared
var settingWords = newArray(0);   // as they were written, and their values
var settingTexts = newArray(0);
var settingNames = newArray(0);   // names of the macro's own settings
var isSettingFound = false;       // what findSetting() found
var settingText = "";
var areSettingsGiven = false;     // at least one setting was handed over
var areSettingsFilled = false;    // Fiji or starbridge filled in the variables
var zeroSettings = 0;             // variables that are 0: as ImageJ leaves them, or handed over
var hasDialog = false;            // fields are added to a dialog
var isAsked = false;              // the dialog was shown

// Begin the next of the two passes through a macro's settings. Return false after the last.
function nextPass() {
	settingsPass++;
	if (settingsPass == 1) {
		readKeys(handedText());
		if (hasWindow() && "" + settings_from != "starbridge") {
			Dialog.create(replace(replace(macroName, "_", " "), ".ijm", ""));
			hasDialog = true;
		}
		return true;
	}
	if (settingsPass == 2) {
		checkKeys();
		if (areSettingsFilled && zeroSettings > 0) areSettingsGiven = true;
		if (hasDialog && !areSettingsGiven) {
			Dialog.show();
			isAsked = true;
		}
		return true;
	}
	return false;
}

// Return a file's path: absolute, or "" for none. The first word of a label is the name of the setting,
// by which run(), runMacro() and the recorder know it; a dialog shows its underscores as spaces.
function fileSetting(value, label, preset) {
	findSetting(value, label);
	if (settingsPass == 1) {
		if (hasDialog) Dialog.addFile(label, preset);
		return value;
	}
	path = preset;
	if (isAsked) path = Dialog.getString();
	else if (isSettingFound) path = settingText;
	path = absolutePath(path);
	return path;
}

// Return a folder's path, as fileSetting().
function folderSetting(value, label, preset) {
	findSetting(value, label);
	if (settingsPass == 1) {
		if (hasDialog) Dialog.addDirectory(label, preset);
		return value;
	}
	path = preset;
	if (isAsked) path = Dialog.getString();
	else if (isSettingFound) path = settingText;
	// a dialog ends folders with a separator; the root of a disk keeps it
	if (matches(path, ".*[^:/\\\\][/\\\\]")) path = substring(path, 0, lengthOf(path) - 1);
	path = absolutePath(path);
	return path;
}

// Return a text.
function textSetting(value, label, preset) {
	findSetting(value, label);
	if (settingsPass == 1) {
		if (hasDialog) Dialog.addString(label, preset, 25);
		return value;
	}
	text = preset;
	if (isAsked) text = Dialog.getString();
	else if (isSettingFound) text = settingText;
	return text;
}

// Return true or false. The dialog has no checkbox, because the recorder keeps only ticked ones.
function truthSetting(value, label, preset) {
	word = "no";
	if (preset) word = "yes";
	findSetting(value, label);
	if (settingsPass == 1) {
		if (hasDialog) Dialog.addChoice(label, newArray("no", "yes"), word);
		return value;
	}
	if (isAsked) word = Dialog.getChoice();
	else if (isSettingFound) word = toLowerCase(settingText);
	if (word == "yes" || word == "true" || word == "1") return true;
	if (word == "no" || word == "false" || word == "0") return false;
	stop("" + settingName(label) + " is " + word + "; give yes or no");
}

// Return a number between two others, which it may be.
function numberSetting(value, label, preset, lowest, highest) {
	findSetting(value, label);
	if (settingsPass == 1) {
		if (hasDialog) Dialog.addNumber(label, preset, decimalsOf(preset), 10, "");
		return value;
	}
	number = preset;
	shown = "" + preset;
	if (isAsked) {
		number = Dialog.getNumber();
		shown = "" + number;
	} else if (isSettingFound) {
		number = parseFloat(settingText);
		shown = settingText;
	}
	// a comparison with NaN is false
	if (number >= lowest && number <= highest) return number;
	if (highest < 1/0) stop("" + settingName(label) + " is " + shown + "; give a number from " + lowest + " to " + highest);
	stop("" + settingName(label) + " is " + shown + "; give a number of at least " + lowest);
}

// Return a whole number, as numberSetting().
function wholeSetting(value, label, preset, lowest, highest) {
	number = numberSetting(value, label, preset, lowest, highest);
	if (settingsPass == 1) return number;
	if (number == floor(number)) return number;
	stop("" + settingName(label) + " is " + number + "; give a whole number");
}

// Look up what was handed over for a setting, as text.
function findSetting(value, label) {
	name = settingName(label);
	isSettingFound = false;
	text = exactText(value);
	if (settingsPass == 1) {
		settingNames = Array.concat(settingNames, name);
		if (text == "0") zeroSettings++;
		else areSettingsFilled = true;
		if (text != "0" && text != "(default)") areSettingsGiven = true;
	}
	plain = plainName(name);
	for (k = 0; k < settingKeys.length; k++) {
		if (settingKeys[k] == plain) {
			isSettingFound = true;
			settingText = settingTexts[k];
		}
	}
	if (isSettingFound) areSettingsGiven = true;
	// Fiji fills in the variables that are listed at the top of the macro
	if (!isSettingFound && areSettingsFilled && text != "(default)") {
		isSettingFound = true;
		settingText = text;
	}
}

// Return the name of a setting by its label.
function settingName(label) {
	words = split(label, " ");
	name = toLowerCase(words[0]);
	return name;
}

// Return a setting's name as it is compared: labelFile is label_file, too.
function plainName(name) {
	name = replace(toLowerCase(name), "_", "");
	return name;
}

// Return a text as it is, a number with all its digits: ImageJ rounds only a variable's value.
function exactText(value) {
	return "" + sameValue(value);
}

// Return a value unchanged.
function sameValue(value) {
	return value;
}

// Return the settings that were handed over as text: key=value key=[a value]. runMacro() and the
// command line hand over an argument, run() options.
function handedText() {
	if ("" + settings_from == "starbridge") return "";
	text = getArgument();
	if (text == "") text = "" + call("ij.Macro.getOptions");
	if (text == "null") text = "";
	return text;
}

// Read a text of settings: key=value, key=[a value], key='a value', or a key alone for yes.
function readKeys(text) {
	text = text + " ";
	i = 0;
	while (i < lengthOf(text)) {
		end = indexOf(text, " ", i);
		mark = indexOf(text, "=", i);
		if (end == i) {
			i++;
		} else if (mark < 0 || mark > end) {
			addKey(substring(text, i, end), "yes");
			i = end;
		} else {
			key = substring(text, i, mark);
			i = mark + 1;
			end = valueEnd(text, i);
			isQuoted = charCodeAt(text, i) == 91 || charCodeAt(text, i) == 39;
			if (isQuoted) addKey(key, substring(text, i + 1, end));
			else addKey(key, substring(text, i, end));
			i = end + 1;
		}
	}
}

// Return the index of the character that ends a value which begins at an index of a text.
function valueEnd(text, start) {
	first = charCodeAt(text, start);
	end = -1;
	if (first == 39) end = indexOf(text, "'", start + 1);
	else if (first != 91) end = indexOf(text, " ", start);
	else {
		depth = 0;
		for (i = start; i < lengthOf(text) && end < 0; i++) {
			code = charCodeAt(text, i);
			if (code == 91) depth++;
			if (code == 93) depth--;
			if (depth == 0) end = i;
		}
	}
	if (end < 0) stop(substring(text, start) + " does not end; close it with a bracket or a quote");
	return end;
}

// Note a setting that was handed over as text, unless it was before: Fiji's recorder adds settings to
// those of the dialog, as it handed them over.
function addKey(key, text) {
	if (text == "(default)") return;
	plain = plainName(key);
	for (k = 0; k < settingKeys.length; k++) {
		if (settingKeys[k] == plain) return;
	}
	settingKeys = Array.concat(settingKeys, plain);
	settingWords = Array.concat(settingWords, key);
	settingTexts = Array.concat(settingTexts, text);
}

// End the macro if a setting was handed over that it does not have.
function checkKeys() {
	for (k = 0; k < settingKeys.length; k++) {
		isKnown = false;
		for (i = 0; i < settingNames.length; i++) {
			plain = plainName(settingNames[i]);
			if (settingKeys[k] == plain) isKnown = true;
		}
		if (!isKnown) {
			stop("there is no setting " + settingWords[k] + "; there are " + String.join(settingNames, ", "));
		}
	}
}

// Return how many decimals a dialog needs to show a number, nine at most.
function decimalsOf(number) {
	for (decimals = 0; decimals < 9; decimals++) {
		if (parseFloat(d2s(number, decimals)) == number) return decimals;
	}
	return 9;
}

// Return a path that does not depend on the folder in which ImageJ was started; "" stays "".
function absolutePath(path) {
	if (path == "" || startsWith(path, "/") || startsWith(path, "\\\\")) return path;
	if (matches(path, "[A-Za-z]:.*")) return path;
	path = joinPath(call("java.lang.System.getProperty", "user.dir"), path);
	return path;
}
