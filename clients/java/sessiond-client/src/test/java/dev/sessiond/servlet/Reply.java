package dev.sessiond.servlet;

import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What a container has answered. */
record Reply(int status, List<String> head, String body) {
  private static final int PATIENCE_MILLIS = 10_000;

  /** Sends a request with some lines of a head: Host, Cookie and Upgrade are its own. */
  static Reply of(int port, String method, String target, List<String> lines) throws IOException {
    try (Socket socket = new Socket("127.0.0.1", port)) {
      socket.setSoTimeout(PATIENCE_MILLIS);
      String head =
          String.join("\r\n", lines) + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      String request = method + " " + target + " HTTP/1.1\r\n" + head;
      socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
      byte[] came = socket.getInputStream().readAllBytes();
      return of(new String(came, StandardCharsets.UTF_8));
    }
  }

  private static Reply of(String text) {
    String[] parts = text.split("\r\n\r\n", 2);
    List<String> head = Arrays.asList(parts[0].split("\r\n"));
    int status = Integer.parseInt(head.get(0).split(" ")[1]);
    return new Reply(status, head.subList(1, head.size()), parts[1]);
  }

  /** The values of a header. */
  List<String> header(String name) {
    String start = name.toLowerCase(Locale.ROOT) + ": ";
    return head.stream()
        .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(start))
        .map(line -> line.substring(start.length()))
        .toList();
  }
}
