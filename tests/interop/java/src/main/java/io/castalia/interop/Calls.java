package io.castalia.interop;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Which methods of a library a program calls, according to its class file. */
final class Calls {
  private static final int MAGIC = 0xCAFEBABE;

  private Calls() {}

  /** Public methods of the library's class that the program does not call, with their descriptors. */
  static Set<String> missing(Class<?> library, Class<?> program) {
    Set<String> missing = new TreeSet<>();
    for (Method method : library.getDeclaredMethods()) {
      int modifiers = method.getModifiers();
      if (Modifier.isPublic(modifiers) && !Modifier.isStatic(modifiers) && !method.isSynthetic()) {
        MethodType type = MethodType.methodType(method.getReturnType(), method.getParameterTypes());
        missing.add(method.getName() + type.toMethodDescriptorString());
      }
    }
    String file = program.getSimpleName() + ".class";
    try (InputStream found = program.getResourceAsStream(file)) {
      missing.removeAll(called(new DataInputStream(found), library.getName().replace('.', '/')));
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    return missing;
  }

  /** The methods of a class to which the constant pool of a class file refers (JVMS 4.4). */
  private static Set<String> called(DataInputStream file, String owner) throws IOException {
    if (file.readInt() != MAGIC) {
      throw new IOException("not a class file");
    }
    file.readInt();
    int count = file.readUnsignedShort();
    Map<Integer, String> texts = new HashMap<>();
    Map<Integer, Integer> classes = new HashMap<>();
    Map<Integer, int[]> pairs = new HashMap<>();
    Set<Integer> methods = new TreeSet<>();
    for (int index = 1; index < count; index++) {
      int tag = file.readUnsignedByte();
      switch (tag) {
        case 1:
          texts.put(index, file.readUTF());
          break;
        case 7:
          classes.put(index, file.readUnsignedShort());
          break;
        case 10:
          methods.add(index);
          pairs.put(index, new int[] {file.readUnsignedShort(), file.readUnsignedShort()});
          break;
        case 12:
          pairs.put(index, new int[] {file.readUnsignedShort(), file.readUnsignedShort()});
          break;
        case 5:
        case 6:
          file.readLong();
          // They take two entries.
          index++;
          break;
        default:
          file.skipBytes(lengthOf(tag));
      }
    }
    Set<String> called = new TreeSet<>();
    for (int method : methods) {
      int[] reference = pairs.get(method);
      if (owner.equals(texts.get(classes.get(reference[0])))) {
        int[] name = pairs.get(reference[1]);
        called.add(texts.get(name[0]) + texts.get(name[1]));
      }
    }
    return called;
  }

  /** Length of the other constants. */
  private static int lengthOf(int tag) throws IOException {
    switch (tag) {
      case 8:
      case 16:
      case 19:
      case 20:
        return 2;
      case 15:
        return 3;
      case 3:
      case 4:
      case 9:
      case 11:
      case 17:
      case 18:
        return 4;
      default:
        throw new IOException("unknown constant " + tag);
    }
  }
}
