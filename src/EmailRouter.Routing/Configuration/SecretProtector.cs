using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;

namespace EmailRouter.Routing.Configuration;

/// <summary>
/// Protects secrets at rest: on Windows by DPAPI, elsewhere by AES-256-GCM under a random key in a file that only its owner may read, next to the
/// configuration. The text says by its prefix how it was made, so that later ways can stand beside the present ones.
/// </summary>
public static class SecretProtector
{
    /// <summary>What texts made by DPAPI begin with.</summary>
    internal const string DpapiPrefix = "dpapi1:";

    /// <summary>What texts made by AES-256-GCM begin with.</summary>
    internal const string AesGcmPrefix = "aesgcm1:";

    /// <summary>The purpose of secrets in the configuration; a text made for another purpose is not accepted.</summary>
    private const string Purpose = "EmailRouter/StoredCredential";

    /// <summary>Gets the protector of a configuration's secrets.</summary>
    /// <param name="configurationPath">The configuration's file.</param>
    /// <returns>The protector.</returns>
    /// <remarks>
    /// On Windows a configuration below <c>%ProgramData%</c> is bound to the machine, so that a service under another account can use it; any other is bound to
    /// the current user. Elsewhere the key's file is the configuration's name with <c>.key</c>, made when the first secret is protected.
    /// </remarks>
    public static ISecretProtector For(string configurationPath)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(configurationPath);
        string path = Path.GetFullPath(configurationPath);
        if (!OperatingSystem.IsWindows())
            return new AesGcmSecretProtector(Path.ChangeExtension(path, ".key"), Purpose);
        string shared = Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData);
        bool isShared = shared.Length > 0 && path.StartsWith(shared + Path.DirectorySeparatorChar, StringComparison.OrdinalIgnoreCase);
        return new DpapiSecretProtector(isShared ? DataProtectionScope.LocalMachine : DataProtectionScope.CurrentUser, Purpose);
    }

    /// <summary>Tells whether a text is a protected secret and not, by mistake, the secret itself.</summary>
    /// <param name="text">The text.</param>
    /// <returns>True when some protector made it.</returns>
    internal static bool IsProtected(string text) =>
        text.StartsWith(AesGcmPrefix, StringComparison.Ordinal) || text.StartsWith(DpapiPrefix, StringComparison.Ordinal);

    /// <summary>Takes the bytes out of a text.</summary>
    internal static byte[] Decode(string text, string prefix)
    {
        if (!text.StartsWith(prefix, StringComparison.Ordinal))
        {
            throw ConfigurationErrors.SecretUnreadable(
                IsProtected(text) ? "it was protected on another operating system." : "it is not in the form of a protected secret.", null);
        }

        try
        {
            return Convert.FromBase64String(text[prefix.Length..]);
        }
        catch (FormatException e)
        {
            throw ConfigurationErrors.SecretUnreadable("its text is damaged.", e);
        }
    }
}

/// <summary>AES-256-GCM: <c>aesgcm1:</c> and Base64 of nonce (12), tag (16) and ciphertext; the purpose is the associated data.</summary>
internal sealed class AesGcmSecretProtector(string keyPath, string purpose) : ISecretProtector
{
    private const string Prefix = SecretProtector.AesGcmPrefix;
    private const int KeySize = 32;
    private const int NonceSize = 12;
    private const int TagSize = 16;

    private readonly byte[] associated = Encoding.UTF8.GetBytes(purpose);

    /// <inheritdoc/>
    public string Protect(string secret)
    {
        ArgumentNullException.ThrowIfNull(secret);
        byte[] key = ReadKey(create: true);
        byte[] plain = Encoding.UTF8.GetBytes(secret);
        try
        {
            byte[] box = new byte[NonceSize + TagSize + plain.Length];
            RandomNumberGenerator.Fill(box.AsSpan(0, NonceSize));
            using var aes = new AesGcm(key, TagSize);
            aes.Encrypt(box.AsSpan(0, NonceSize), plain, box.AsSpan(NonceSize + TagSize), box.AsSpan(NonceSize, TagSize), associated);
            return Prefix + Convert.ToBase64String(box);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <inheritdoc/>
    public string Unprotect(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        byte[] box = SecretProtector.Decode(text, Prefix);
        if (box.Length < NonceSize + TagSize)
            throw ConfigurationErrors.SecretUnreadable("its text is cut off.", null);
        byte[] key = ReadKey(create: false);
        byte[] plain = new byte[box.Length - NonceSize - TagSize];
        try
        {
            using var aes = new AesGcm(key, TagSize);
            aes.Decrypt(box.AsSpan(0, NonceSize), box.AsSpan(NonceSize + TagSize), box.AsSpan(NonceSize, TagSize), plain, associated);
            return Encoding.UTF8.GetString(plain);
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw ConfigurationErrors.SecretUnreadable($"it was made with another key than {keyPath}, or was altered.", e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private byte[] ReadKey(bool create)
    {
        try
        {
            if (create && !File.Exists(keyPath))
                CreateKey();
            if (OwnerOnlyFile.IsExposed(keyPath))
                throw ConfigurationErrors.KeyExposed(keyPath);
            byte[] key = File.ReadAllBytes(keyPath);
            return key.Length == KeySize ? key : throw ConfigurationErrors.KeyUnusable(keyPath, $"it has {key.Length} bytes instead of {KeySize}.", null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ConfigurationErrors.KeyUnusable(keyPath, e.Message, e);
        }
    }

    private void CreateKey()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(keyPath)!);
        byte[] key = RandomNumberGenerator.GetBytes(KeySize);
        string temporary = $"{keyPath}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (FileStream stream = OwnerOnlyFile.Create(temporary))
            {
                stream.Write(key);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, keyPath, overwrite: false);
        }
        catch (IOException) when (File.Exists(keyPath))
        {
            // Another process was first; its key is the one.
        }
        finally
        {
            File.Delete(temporary);
            CryptographicOperations.ZeroMemory(key);
        }
    }
}

/// <summary>DPAPI: <c>dpapi1:</c> and Base64 of what <see cref="ProtectedData"/> makes; the purpose is the additional entropy.</summary>
[SupportedOSPlatform("windows")]
internal sealed class DpapiSecretProtector(DataProtectionScope scope, string purpose) : ISecretProtector
{
    private const string Prefix = SecretProtector.DpapiPrefix;

    private readonly byte[] entropy = Encoding.UTF8.GetBytes(purpose);

    /// <inheritdoc/>
    public string Protect(string secret)
    {
        ArgumentNullException.ThrowIfNull(secret);
        byte[] plain = Encoding.UTF8.GetBytes(secret);
        try
        {
            return Prefix + Convert.ToBase64String(ProtectedData.Protect(plain, entropy, scope));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    /// <inheritdoc/>
    public string Unprotect(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        byte[] box = SecretProtector.Decode(text, Prefix);
        try
        {
            byte[] plain = ProtectedData.Unprotect(box, entropy, scope);
            try
            {
                return Encoding.UTF8.GetString(plain);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(plain);
            }
        }
        catch (CryptographicException e)
        {
            throw ConfigurationErrors.SecretUnreadable("it was made by another user or on another machine, or was altered.", e);
        }
    }
}
