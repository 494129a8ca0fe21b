package dev.sessiond.spring;

import dev.sessiond.internal.denial.Denial;
import dev.sessiond.internal.denial.HttpTable;
import java.nio.charset.StandardCharsets;
import org.springframework.core.io.buffer.DataBuffer;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.server.reactive.ServerHttpResponse;
import org.springframework.web.server.ServerWebExchange;
import reactor.core.publisher.Mono;

/** Writes denials to requests of WebFlux, by the table of the servlet filter. */
final class ServerResponses {
  private ServerResponses() {}

  static Mono<Void> write(ServerWebExchange exchange, Denial denial) {
    ServerHttpResponse response = exchange.getResponse();
    if (response.isCommitted()) {
      return Mono.error(new IllegalStateException("a denial came when the answer had begun"));
    }
    denial.log(exchange.getRequest().getPath().value());
    response.setStatusCode(HttpStatusCode.valueOf(HttpTable.status(denial)));
    setHeaders(response.getHeaders(), denial);
    String json = HttpTable.json(denial.reason(), denial.nextAction(), denial.retries());
    byte[] body = json.getBytes(StandardCharsets.US_ASCII);
    return response.writeWith(Mono.fromSupplier(() -> buffer(response, body)));
  }

  private static void setHeaders(HttpHeaders headers, Denial denial) {
    for (var header : HttpTable.headers(denial)) {
      if (header.getKey().equals(HttpTable.CHALLENGE)) { // there may be several
        headers.add(header.getKey(), header.getValue());
      } else {
        headers.set(header.getKey(), header.getValue());
      }
    }
    headers.setContentType(MediaType.APPLICATION_JSON);
  }

  private static DataBuffer buffer(ServerHttpResponse response, byte[] body) {
    return response.bufferFactory().wrap(body);
  }
}
