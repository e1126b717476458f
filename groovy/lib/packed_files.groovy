// Packed objects as files: arrays.npz, a zip of NumPy arrays, and texts.json.

import com.google.gson.GsonBuilder
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.charset.StandardCharsets
import java.util.zip.ZipEntry
import java.util.zip.ZipFile
import java.util.zip.ZipOutputStream

/** Write arrays of numbers and lists of texts, by name, into a folder, which is made. */
static void writePacked(File folder, Map<String, Object> numbers, Map<String, List<String>> texts) {
    folder.mkdirs()
    new ZipOutputStream(new BufferedOutputStream(new FileOutputStream(new File(folder, 'arrays.npz')))).withCloseable { zip ->
        zip.setLevel(1)  // the files live for seconds
        numbers.each { name, values ->
            zip.putNextEntry(new ZipEntry(name + '.npy'))
            writeNpy(zip, values)
            zip.closeEntry()
        }
    }
    new File(folder, 'texts.json').setText(new GsonBuilder().serializeNulls().create().toJson(texts), 'UTF-8')
}

/** Read arrays of numbers and lists of texts, by name, from a folder. */
static Map<String, Object> readPacked(File folder) {
    Map<String, Object> found = [:]
    new ZipFile(new File(folder, 'arrays.npz')).withCloseable { zip ->
        zip.entries().each { entry ->
            found[entry.getName() - '.npy'] = zip.getInputStream(entry).withCloseable { readNpy(it) }
        }
    }
    found.putAll(new GsonBuilder().create().fromJson(new File(folder, 'texts.json').getText('UTF-8'), Map))
    return found
}

/** Write an array of byte, int or double in NumPy's format (numpy.lib.format, version 1.0). */
static void writeNpy(OutputStream out, Object values) {
    String type = values instanceof byte[] ? '|i1' : values instanceof int[] ? '<i4' : '<f8'
    String header = "{'descr': '${type}', 'fortran_order': False, 'shape': (${values.length},), }"
    // The whole header is a multiple of 64 bytes and ends with a line break.
    header = header.padRight((header.length() + 11 + 63).intdiv(64) * 64 - 11) + '\n'
    def head = ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN)
    head.put([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0] as byte[]).putShort((short) header.length())
    out.write(head.array())
    out.write(header.getBytes(StandardCharsets.ISO_8859_1))
    if (values instanceof byte[]) {
        out.write(values)
        return
    }
    int size = values instanceof int[] ? 4 : 8, most = 1 << 20
    for (int from = 0; from < values.length; from += most) {
        int count = Math.min(most, values.length - from)
        def part = ByteBuffer.allocate(size * count).order(ByteOrder.LITTLE_ENDIAN)
        (values instanceof int[] ? part.asIntBuffer() : part.asDoubleBuffer()).put(values, from, count)
        out.write(part.array())
    }
}

/** Read an array of one dimension in NumPy's format: bytes, or numbers of 4 or 8 bytes. */
static Object readNpy(InputStream stream) {
    def all = ByteBuffer.wrap(stream.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN)
    int length = all.getShort(8)
    String header = new String(all.array(), 10, length, StandardCharsets.ISO_8859_1)
    def match = header =~ /'descr': '(\|i1|<i4|<f8)', 'fortran_order': False, 'shape': \((\d+),\)/
    if (!match.find())
        throw new IOException("An array of the kind ${header.trim()} cannot be read.")
    int count = match.group(2).toInteger()
    all.position(10 + length)
    Object values
    if (match.group(1) == '|i1') {
        values = new byte[count]
        all.get(values)
    } else if (match.group(1) == '<i4') {
        values = new int[count]
        all.asIntBuffer().get(values)
    } else {
        values = new double[count]
        all.asDoubleBuffer().get(values)
    }
    return values
}
