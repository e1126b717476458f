// Measurement tables as text files.

import qupath.lib.gui.measure.ObservableMeasurementTableData

/** Write QuPath's measurement table of objects; a file that ends with .csv is separated by commas. */
static void writeTable(File file, imageData, Collection objects) {
    def table = new ObservableMeasurementTableData()
    table.setImageData(imageData, objects)
    def columns = table.getAllNames()
    def numeric = columns.collect { table.isNumericMeasurement(it) }
    String separator = file.name.endsWith('.csv') ? ',' : '\t'
    writeAtomically(file) { File part ->
        part.withWriter('UTF-8') { out ->
            out.write(tableRow(columns, separator))
            objects.each { object ->
                out.write(tableRow([columns, numeric].transpose().collect { column, isNumber ->
                    isNumber ? formatNumber(table.getNumericValue(object, column)) : table.getStringValue(object, column)
                }, separator))
            }
        }
    }
}

/** Return a number with a decimal point and all its digits; '' for NaN. */
static String formatNumber(double value) {
    if (Double.isNaN(value))
        return ''
    return value == Math.rint(value) && Math.abs(value) < 1e15 ? String.valueOf((long) value) : String.valueOf(value)
}

/** Return a line of a table, with quotes around cells that need them. */
static String tableRow(List cells, String separator) {
    return cells.collect {
        String text = it == null ? '' : it.toString()
        text.contains(separator) || text =~ /["\r\n]/ ? '"' + text.replace('"', '""') + '"' : text
    }.join(separator) + '\n'
}
