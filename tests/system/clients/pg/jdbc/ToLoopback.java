// Sockets to this machine, whatever the name: to see a certificate refused.
import java.io.IOException;
import java.net.*;
import javax.net.SocketFactory;

public class ToLoopback extends SocketFactory {
    @Override
    public Socket createSocket() {
        return new Socket() {
            @Override
            public void connect(SocketAddress to, int timeout) throws IOException {
                super.connect(new InetSocketAddress("127.0.0.1", ((InetSocketAddress) to).getPort()), timeout);
            }
        };
    }

    @Override
    public Socket createSocket(String host, int port) throws IOException {
        throw new IOException("not asked for");
    }

    @Override
    public Socket createSocket(String host, int port, InetAddress from, int at) throws IOException {
        throw new IOException("not asked for");
    }

    @Override
    public Socket createSocket(InetAddress host, int port) throws IOException {
        throw new IOException("not asked for");
    }

    @Override
    public Socket createSocket(InetAddress host, int port, InetAddress from, int at) throws IOException {
        throw new IOException("not asked for");
    }
}
