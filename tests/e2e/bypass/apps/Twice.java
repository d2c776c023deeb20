import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;

/** The JDK's own server with a handler for one path, which is decoded twice, on a free port, which is the first line of its output. */
public final class Twice {
    public static void main(String[] arguments) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            boolean isOurs = decoded(decoded(exchange.getRequestURI().getRawPath())).equals("/hook/exact");
            byte[] answer = (isOurs ? "protected" : "open").getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(isOurs ? 200 : 404, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.start();
        System.out.println(server.getAddress().getPort());
    }

    private static String decoded(String path) {
        try {
            return URLDecoder.decode(path, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException notDecodable) {
            return "";
        }
    }
}
