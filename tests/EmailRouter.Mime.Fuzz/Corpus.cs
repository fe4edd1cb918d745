using System.Text;

namespace EmailRouter.Mime.Fuzz;

/// <summary>The messages that mutation starts from.</summary>
internal static class Corpus
{
    /// <summary>Reads a file: <c>.base64</c> holds bytes in base64, anything else a message whose lines get CRLF, whatever the checkout made of them.</summary>
    /// <param name="file">The file.</param>
    /// <returns>The bytes.</returns>
    public static byte[] Read(string file)
    {
        byte[] bytes = File.ReadAllBytes(file);
        return file.EndsWith(".base64", StringComparison.Ordinal)
            ? Convert.FromBase64String(Encoding.ASCII.GetString(bytes))
            : Encoding.Latin1.GetBytes(Encoding.Latin1.GetString(bytes).Replace("\r\n", "\n").Replace("\n", "\r\n"));
    }
}
