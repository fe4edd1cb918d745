using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EmailRouter.Interop.Tests.Servers;

/// <summary>A folder of its own for a private server, with a self-signed certificate. Short, since sockets live in it.</summary>
public sealed class ServerFolder : IDisposable
{
    private const UnixFileMode Everybody =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    public ServerFolder(string name)
    {
        Path = Directory.CreateTempSubdirectory("er-" + name + "-").FullName;
        SetMode(Path, open: false);
    }

    public string Path { get; }

    public string CertificateFile => At("cert.pem");

    public string KeyFile => At("key.pem");

    /// <summary>Gets the SHA-256 pin of the certificate's public key.</summary>
    public string Pin { get; private set; } = string.Empty;

    /// <summary>Finds ports that are free now.</summary>
    public static int[] FreePorts(int count)
    {
        var listeners = new List<TcpListener>();
        try
        {
            for (int i = 0; i < count; i++)
            {
                var listener = new TcpListener(IPAddress.Loopback, 0);
                listener.Start();
                listeners.Add(listener);
            }

            return [.. listeners.Select(l => ((IPEndPoint)l.LocalEndpoint).Port)];
        }
        finally
        {
            listeners.ForEach(l => l.Stop());
        }
    }

    public string At(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Makes a folder; open ones belong to everybody, since servers change their user.</summary>
    public string MakeFolder(string name, bool open = true)
    {
        string path = At(name);
        Directory.CreateDirectory(path);
        SetMode(path, open);
        return path;
    }

    public void Write(string name, string text) => File.WriteAllText(At(name), text);

    /// <summary>Makes a self-signed certificate for localhost.</summary>
    public void MakeCertificate()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        File.WriteAllText(CertificateFile, certificate.ExportCertificatePem());
        File.WriteAllText(KeyFile, key.ExportPkcs8PrivateKeyPem());
        Pin = Convert.ToHexString(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo())).ToLowerInvariant();
    }

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A daemon that is just ending may still write; the folder is in the system's temporary place.
        }
    }

    private static void SetMode(string path, bool open)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, open ? Everybody : Everybody & ~(UnixFileMode.GroupWrite | UnixFileMode.OtherWrite));
    }
}
